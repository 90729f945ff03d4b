import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functions, people, relations } from '../../src/access/access.ts';
import { readLabel } from '../../src/access/attempts.ts';
import { readGrid, wordsOf } from '../../src/access/grid.ts';
import { testDatabase } from '../support/database.ts';

// Behind each refusal stands a missing privilege. A policy, or a privilege that something further inside lacks, would refuse
// most of it too, but not all: a statement without a condition, a trigger that runs as whoever comes next.

const database = testDatabase();
const scratch = `scratch_${randomUUID().slice(0, 8)}`;

beforeAll(async () => {
  await database.admin.query(
    `create schema ${scratch}; grant usage, create on schema ${scratch} to anon, authenticated`,
  );
});

afterAll(async () => {
  await database.admin.query(`drop schema ${scratch} cascade`);
});

const roles = ['anon', 'authenticated'] as const;
const of = {
  anon: ['anon'],
  authenticated: people.filter((person) => person !== 'anon' && person !== 'service'),
} as const;

/** What Postgres says, in a transaction that is rolled back. */
async function answerTo(role: (typeof roles)[number], statement: string): Promise<string> {
  const client = await database.admin.connect();
  try {
    await client.query(`begin; set local role ${role}`);
    return await client.query(statement).then(
      () => 'done',
      (error) => String(error.message),
    );
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** The columns that nobody of the role may write. */
function refusedColumns(name: string, operation: 'insert' | 'update', role: (typeof roles)[number]): string[] {
  const relation = relations[name];
  if (!relation) throw new Error(`access.ts has no ${name}.`);
  return readGrid(relation.access).flatMap(({ label, cells }) => {
    const { operation: does, groups } = readLabel(relation, label);
    if (does !== operation || of[role].some((person) => cells[person] !== 'refused')) return [];
    return groups.flatMap((group) => wordsOf(relation.columns[group] ?? ''));
  });
}

function mayDo(name: string, operation: string, role: (typeof roles)[number]): boolean {
  return readGrid(relations[name]?.access ?? '').some(
    ({ label, cells }) => label.startsWith(operation) && of[role].some((person) => cells[person] !== 'refused'),
  );
}

describe('a privilege is missing for what is refused on', () => {
  test.each(Object.keys(relations))('%s', async (name) => {
    const { rows } = await database.admin.query<{ kind: string; key: string[] | null; types: string[] | null }>(
      `select relkind::text as kind, array_agg(quote_ident(attname) order by attnum) filter (where attname is not null) as key,
         array_agg(format_type(atttypid, atttypmod) order by attnum) filter (where attname is not null) as types
       from pg_class c
       left join pg_index on indrelid = c.oid and indisprimary
       left join pg_attribute on attrelid = c.oid and attnum = any (indkey)
       where c.oid = to_regclass('public.' || $1) group by relkind`,
      [name],
    );
    const { kind, key, types } = rows[0] ?? {};
    const table = `public.${name}`;
    for (const role of roles) {
      const spy = 'create function pg_temp.spy() returns trigger language plpgsql as $$begin return new; end$$';
      const trigger = `create trigger spy ${kind === 'v' ? 'instead of' : 'before'} insert on ${table} for each row execute function pg_temp.spy()`;
      const statements = [`${spy}; ${trigger}`];
      if (!mayDo(name, 'select', role)) statements.push(`select from ${table}`);
      if (kind === 'r') {
        const columns = key?.map((column, place) => `${column} ${types?.[place]}`);
        statements.push(
          `truncate ${table}`,
          `create table ${scratch}.child (${columns}, foreign key (${key}) references ${table})`,
          ...refusedColumns(name, 'insert', role).map((column) => `insert into ${table} (${column}) values (default)`),
          ...refusedColumns(name, 'update', role).map((column) => `update ${table} set ${column} = default`),
        );
        if (!mayDo(name, 'delete', role)) statements.push(`delete from ${table}`);
        if (!mayDo(name, 'insert', role)) statements.push(`insert into ${table} default values`);
      }
      for (const statement of statements) {
        const object = kind === 'v' ? 'view' : 'table';
        expect(await answerTo(role, statement), `${role}: ${statement}`).toBe(
          `permission denied for ${object} ${name}`,
        );
      }
    }
  });
});

test('a visitor may not call any of the functions that are not theirs', async () => {
  const theirs = readGrid(functions).filter(({ cells }) => cells.anon !== 'refused');
  const { rows } = await database.admin.query<{ name: string; types: string[] }>(
    `select proname::text as name, array(select format_type(type, null) from unnest(proargtypes) as type) as types
     from pg_proc where pronamespace = 'public'::regnamespace and proname <> all ($1)
       and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')`,
    [theirs.map(({ label }) => wordsOf(label)[0])],
  );
  expect(rows.length).toBeGreaterThan(20);
  for (const { name, types } of rows) {
    const given = types.map((type, place) => `null::${type} as a${place}`).join(', ');
    const names = types.map((_, place) => `a${place}`).join(', ');
    // Of constants alone a strict function would give null without being called.
    const call = `select public.${name}(${names}) from (select ${given || '1'} offset 0) as given`;
    expect(await answerTo('anon', call), call).toBe(`permission denied for function ${name}`);
  }
});
