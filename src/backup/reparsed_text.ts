import type { Client } from 'pg';
import { type ManifestEntry, readManifestWithin } from '../manifest/read_manifest.ts';
import { settleSession } from './table_content.ts';

/**
 * A schema as a database that was made of its dump prints it. Postgres does not always print the query of a view or of an
 * SQL function as it prints the one that it makes of that print: it adds names and leaves out brackets. So queries that
 * differ are given to the database again, in a transaction that is rolled back, to see what it makes of them.
 */
export async function asPrintedNow(
  client: Client,
  expected: readonly ManifestEntry[],
  found: readonly ManifestEntry[],
): Promise<ManifestEntry[]> {
  const present = new Map(found.map(({ object, lines }) => [object, textOf(lines)]));
  const different = expected.filter(({ object, lines }) => {
    const text = present.get(object);
    return text !== undefined && text !== textOf(lines);
  });
  if (different.length === 0) return [...expected];
  await client.query('begin');
  try {
    await settleSession(client);
    const replaced = new Set<string>();
    for (const { object, lines } of different) {
      await client.query('savepoint one');
      try {
        if (await replaceText(client, object, textOf(lines))) replaced.add(object);
      } catch {
        await client.query('rollback to one');
      }
    }
    const printed = new Map((await readManifestWithin(client)).map(({ object, lines }) => [object, lines]));
    return expected.map((entry) => {
      const now = replaced.has(entry.object) ? printed.get(entry.object) : undefined;
      return now ? { ...entry, lines: [...before(entry.lines), ...now.slice(before(now).length)] } : entry;
    });
  } finally {
    await client.query('rollback');
  }
}

/** The lines before the text of a view or function, which stands last. */
function before(lines: readonly string[]): readonly string[] {
  const place = lines.indexOf('text');
  return place < 0 ? lines : lines.slice(0, place);
}

function textOf(lines: readonly string[]): string {
  return lines.slice(before(lines).length + 1).join('\n');
}

/** @returns whether the database has taken the text for its own */
async function replaceText(client: Client, object: string, text: string): Promise<boolean> {
  const [, kind, name] = /^(view|function) (.*)$/.exec(object) ?? [];
  if (kind === 'view') {
    await client.query(`create or replace view ${name} as ${text}`);
    return true;
  }
  const { rows } = await client.query<{ definition: string; body: string | null }>(
    'select pg_get_functiondef(oid) as definition, pg_get_function_sqlbody(oid) as body from pg_catalog.pg_proc where oid = to_regprocedure($1)',
    [name],
  );
  const { definition = '', body = null } = rows[0] ?? {};
  // The text of other functions is kept to the letter.
  if (body === null || !definition.includes(body)) return false;
  await client.query(definition.replace(body, () => text));
  return true;
}
