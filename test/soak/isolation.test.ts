import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import {
  CancelledError,
  ConnectionError,
  createDatabase,
  type Database,
  DatabaseError,
  SerializationError,
  TimeoutError,
} from '../../src/index.ts';
import { outcomeOf } from '../faults/outcome.ts';
import { watchProcess } from '../faults/watch_process.ts';
import { wrongPosts, wrongTrips } from '../schema/recount.ts';
import { testDatabase } from '../support/database.ts';
import { findPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { startTcpProxy } from '../support/tcp_proxy.ts';
import { actions } from './actions.ts';
import { applicationName, backends, disturb } from './disturbances.ts';
import { Ledger } from './ledger.ts';
import { Random } from './random.ts';
import { type Conditions, type Person, statementTimeoutMillis, Undo, Violation, Visit } from './visit.ts';
import { createUncommittable } from './writes.ts';

// The seed repeats what is chosen, though not how fast the machine is.
const seed = Number(process.env.SOAK_SEED || randomInt(2 ** 31));
const seconds = Number(process.env.SOAK_SECONDS || 20);
const secondsPerRound = 5;
const walkers = 9;
const connections = 3;

const bouncer = findPgBouncer();
if (!bouncer) console.warn('Without PgBouncer: none on this machine (Debian: apt-get install pgbouncer).');

const calm = { isBehindPooler: false, isStormy: false };
const cycle: Conditions[] = [
  calm,
  { isBehindPooler: true, isStormy: false },
  { isBehindPooler: false, isStormy: true },
  { isBehindPooler: true, isStormy: true },
].filter(({ isBehindPooler }) => bouncer !== undefined || !isBehindPooler);

const file = testDatabase();
const ledger = new Ledger();
const people: Person[] = [];
const findings: string[] = [];
const done = new Map(Object.keys(actions).map((name) => [name, 0]));
watchProcess();

beforeAll(async () => {
  await file.admin.query(createUncommittable);
  const database = createDatabase({ connectionString: file.connectionString, max: 4 });
  for (let n = 0; n < 24; n++) {
    const id = await file.signUp();
    const { pam, trips } = database.asUser({ sub: id });
    const { id: conversation } = await pam.startConversation({ session_id: 'phone' });
    await ledger.attempt(async (attempt) => {
      const made = await trips.createMany([1, 2].map(() => ({ name: 'Big Lap', description: id })));
      for (const trip of made) attempt.insert('trips', trip.id, id);
    });
    people.push({ id, conversation });
  }
  await database.destroy();
});

test(
  `nobody ever sees or writes what is another's (SOAK_SEED=${seed} SOAK_SECONDS=${seconds})`,
  async () => {
    // Kysely prints what becomes of queries whose own signal was aborted.
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const rounds = Math.max(cycle.length, Math.round(seconds / secondsPerRound));
    for (let n = 0; n < rounds && findings.length === 0; n++) {
      const conditions = cycle[n % cycle.length] ?? calm;
      const found = await round(new Random(seed + n), conditions, (seconds / rounds) * 1000);
      findings.push(...found.map((finding) => `round ${n} ${JSON.stringify(conditions)}: ${finding}`));
    }
    expect(findings.slice(0, 20)).toEqual([]);
    expect([...done].filter(([, times]) => times === 0)).toEqual([]);
  },
  (seconds * 2 + 120) * 1000,
);

/** Many people on few connections for a while. Returns what went wrong. */
async function round(random: Random, conditions: Conditions, millis: number): Promise<string[]> {
  const found: string[] = [];
  const report = (finding: string) => void found.push(finding);
  const pooler =
    conditions.isBehindPooler && bouncer
      ? await startPgBouncer(bouncer.path, file.connectionString, connections)
      : undefined;
  onTestFinished(() => pooler?.stop());
  // PgBouncer 1.18 does not survive that a client's connection breaks while it passes a cancel request on.
  const proxy = pooler ? undefined : await startTcpProxy(file.connectionString);
  const { connectionString } = pooler ?? proxy ?? file;
  const database = openDatabase(connectionString, random, conditions);
  let isClosing = false;
  let isOver = false;
  const hasEnded = () => isOver || found.length > 0;
  const walks = Array.from({ length: walkers }, () => {
    const own = new Random(random.below(2 ** 31));
    return walk({ database, conditions, random: own, report, hasEnded, isClosing: () => isClosing });
  });
  const disturbance = conditions.isStormy && disturb(file.admin, proxy, new Random(random.below(2 ** 31)), hasEnded);
  for (const end = performance.now() + millis; performance.now() < end && found.length === 0; ) await sleep(50);

  isClosing = conditions.isStormy && random.chance(0.5);
  const timeoutMillis = random.pick([0, 300, 10_000]);
  const closing = isClosing && outcomeOf(database.destroy({ timeoutMillis }), timeoutMillis + 10_000);
  if (isClosing) await sleep(random.below(100));
  isOver = true;
  await Promise.all([...walks, disturbance, closing]);

  if (!isClosing) await expectQuiet(database, report);
  if (pooler && !isClosing) {
    const residues = await residuesOn(pooler.connectionString).catch((error) => {
      // PgBouncer before 1.21 may end when a server's connection does that is being cancelled (its issue 822).
      if (!conditions.isStormy) throw error;
      return [];
    });
    for (const residue of residues) report(`a pooler's connection has kept ${residue}`);
  }
  await database.destroy();
  await proxy?.close();
  await pooler?.stop();
  const left = await settled(({ count }) => count === 0);
  if (left) report(`${left.count} connections are left after destroy()`);
  found.push(...(await ledger.compare(file.admin)));
  for (const recount of [wrongTrips, wrongPosts]) {
    for (const row of (await file.admin.query(recount)).rows) report(`not as counted: ${JSON.stringify(row)}`);
  }
  return found;
}

function openDatabase(connectionString: string, random: Random, { isBehindPooler, isStormy }: Conditions): Database {
  return createDatabase({
    connectionString,
    application_name: applicationName,
    max: isBehindPooler ? 2 * connections : connections,
    preparedStatements: !isBehindPooler && random.chance(0.8),
    statementTimeoutMillis,
    idleTimeoutMillis: random.pick([20, 10_000]),
    ...(isStormy && { connectionTimeoutMillis: 800, query_timeout: random.pick([120, 2000]) }),
  });
}

type Walk = {
  database: Database;
  conditions: Conditions;
  random: Random;
  report: (finding: string) => void;
  hasEnded: () => boolean;
  /** Whether the database is being destroyed: new work is refused, and what runs may be cancelled. */
  isClosing: () => boolean;
};

let visits = 0;

/** One visit after the other, each as somebody else, some with a signal that is aborted sooner or later. */
async function walk({ database, conditions, random, report, hasEnded, isClosing }: Walk): Promise<void> {
  while (!hasEnded()) {
    const controller = random.chance(0.4) ? new AbortController() : undefined;
    const signal = controller?.signal;
    const name = `visit ${++visits}`;
    const visit = new Visit({ database, conditions, random, ledger, people, report, signal, name });
    if (random.chance(0.1)) controller?.abort();
    const timer = setTimeout(() => controller?.abort(), random.below(60));
    for (let left = 1 + random.below(3); left > 0 && !hasEnded(); left--) {
      if (visit.isAborted) left = 1;
      await act(visit, report, isClosing);
    }
    clearTimeout(timer);
    if (random.chance(0.2)) await sleep(random.below(80));
  }
}

async function act(visit: Visit, report: Walk['report'], isClosing: Walk['isClosing']): Promise<void> {
  const [name, action] = visit.random.pick(Object.entries(actions));
  visit.action = name;
  const wasAborted = visit.isAborted;
  const outcome = await outcomeOf(action(visit), 25_000).catch((error: Error) => ({ error }));
  if (!('error' in outcome) || outcome.error === undefined) {
    if (wasAborted) report(`${name} was done, though its signal was aborted before`);
    done.set(name, (done.get(name) ?? 0) + 1);
  } else if (!isForgiven(outcome.error, visit, isClosing())) {
    report(`${name}: ${outcome.error}`);
  }
}

/** Errors that the conditions explain. A violation has been reported. */
function isForgiven(error: unknown, { isAborted, conditions }: Visit, isClosing: boolean): boolean {
  if (error instanceof Violation || error instanceof Undo || error instanceof SerializationError) return true;
  if (error instanceof CancelledError && isAborted) return true;
  const isLoss =
    [CancelledError, ConnectionError, TimeoutError].some((kind) => error instanceof kind) ||
    // Where the rollback to a savepoint was what an administrator has cancelled.
    (error instanceof DatabaseError && error.code === '25P02');
  return isLoss && (conditions.isStormy || isClosing);
}

/** Nothing is left open on the server or waits for the pool, and there are no more connections than there may be. */
async function expectQuiet(database: Database, report: Walk['report']): Promise<void> {
  const isIdle = () => {
    const { open, max, idle, waiting } = database.connections;
    return waiting === 0 && idle === open && open <= max;
  };
  const loud = await settled(({ busy, count }) => busy === 0 && count <= connections && isIdle());
  if (loud) report(`when nothing runs: ${JSON.stringify({ ...loud, ...database.connections })}`);
}

/** Waits until the connections are as they should be. Returns how they are if that does not come true. */
async function settled(isRight: (now: Awaited<ReturnType<typeof backends>>) => boolean) {
  for (let attempt = 0; ; attempt++) {
    const now = await backends(file.admin);
    if (isRight(now)) return undefined;
    if (attempt === 100) return now;
    await sleep(100);
  }
}

/** What sessions have left on a pooler's connections to the server. */
async function residuesOn(connectionString: string): Promise<string[]> {
  const plain = new Pool({ connectionString, max: connections });
  const clean = JSON.stringify({ isItself: true, claims: '', sub: '', timeout: '0' });
  const ask = async () => {
    const { rows } = await plain.query(
      `select current_user = session_user as "isItself", coalesce(current_setting('request.jwt.claims', true), '') as claims,
        coalesce(current_setting('request.jwt.claim.sub', true), '') as sub,
        current_setting('statement_timeout') as timeout
       from (select pg_sleep(0.05)) as slept`,
    );
    return JSON.stringify(rows[0]);
  };
  try {
    const seen = await Promise.all(Array.from({ length: connections }, ask));
    return seen.filter((residue) => residue !== clean);
  } finally {
    await plain.end();
  }
}
