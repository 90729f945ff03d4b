import { existsSync } from 'node:fs';
import type { Contender } from './contenders/contender.ts';
import { kyselyByHand } from './contenders/kysely_by_hand.ts';
import { pgPipelinedByHand } from './contenders/pg_pipelined_by_hand.ts';
import { pgScopedByHand } from './contenders/pg_scoped_by_hand.ts';
import { floor, pgUnprepared } from './contenders/pg_unscoped.ts';
import { postgrestStatements } from './contenders/postgrest_statements.ts';
import { wheels, wheelsUnprepared } from './contenders/wheels.ts';

/** Those who are installed by `npm ci --prefix bench`. */
const peers = ['postgres_js', 'drizzle', 'prisma', 'knex', 'typeorm'] as const;

/** Those who need no more than the package itself does. The first is the floor, which the others are compared with. */
export const ownContenders: readonly Contender[] = [
  floor,
  wheels,
  wheelsUnprepared,
  pgUnprepared,
  pgScopedByHand,
  pgPipelinedByHand,
  kyselyByHand,
  postgrestStatements,
];

/**
 * Everybody who is measured.
 *
 * @throws {Error} if the peers are not installed and `CI` is set; elsewhere they are left out with a line to standard error.
 */
export async function loadContenders(): Promise<readonly Contender[]> {
  return [...ownContenders, ...(await loadPeers())];
}

async function loadPeers(): Promise<Contender[]> {
  if (existsSync(new URL('node_modules', import.meta.url))) return await Promise.all(peers.map(loadPeer));
  const what = `${peers.join(', ')} are not installed: npm ci --prefix bench`;
  if (process.env.CI) throw new Error(what);
  console.error(what);
  return [];
}

/** By a name that is put together, so that what needs an install of its own is no part of the package's types. */
async function loadPeer(name: (typeof peers)[number]): Promise<Contender> {
  const { contender }: { contender: Contender } = await import(new URL(`peers/${name}.ts`, import.meta.url).href);
  return contender;
}
