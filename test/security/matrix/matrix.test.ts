import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functions, hidden, type Person, people, relations, sequences } from '../../../src/access/access.ts';
import { callOf, operations, readLabel, statementsOf } from '../../../src/access/attempts.ts';
import { forEachPerson, type Line, readGrid, wordsOf } from '../../../src/access/grid.ts';
import { hiddenStatements, sequenceStatements } from '../../../src/access/other_statements.ts';
import { wordsByCode } from '../../../src/access/outcome.ts';
import { calls, changes, rowsOf } from '../../../src/access/statements.ts';
import { type Ids, makeWorld, type World } from '../../../src/access/world.ts';
import { createDatabase, type Database, DatabaseError } from '../../../src/index.ts';
import { testDatabase } from '../../support/database.ts';
import { requests } from '../requests.ts';
import { accessDocument } from './document.ts';
import { methods, type Sessions, saysMore } from './methods.ts';
import { writeGrid } from './write_grid.ts';

const file = testDatabase();
let database: Database;
let world: World;

beforeAll(async () => {
  world = await makeWorld({ signUp: file.signUp, ...requests(file) });
  database = createDatabase({ connectionString: file.connectionString, max: 3 });
});

afterAll(async () => {
  await database.destroy();
});

/** Says with how many rows a statement ended, in a transaction that is rolled back. Throws what the statement throws. */
type Send = (person: Person, text: string) => Promise<number>;

class RolledBack extends Error {
  static async around(transaction: (rollBack: () => never) => Promise<unknown>): Promise<void> {
    const rolledBack = new RolledBack();
    await transaction(() => {
      throw rolledBack;
    }).catch((error) => {
      if (error !== rolledBack) throw error;
    });
  }
}

const bySql: Send = async (person, text) => {
  const { role, sub } = world[person];
  let count = 0;
  await RolledBack.around((rollBack) =>
    file.as(role, sub, async (client) => {
      count = (await client.query(text)).rowCount ?? 1;
      rollBack();
    }),
  );
  return count;
};

const byLibrary: Send = async (person, text) => {
  let count = 0;
  await RolledBack.around((rollBack) =>
    sessionOf(person).transaction(async ({ kysely }) => {
      const { rows, numAffectedRows } = await sql.raw(text).execute(kysely);
      count = Number(numAffectedRows ?? rows.length);
      rollBack();
    }),
  );
  return count;
};

function sessionOf(person: Person) {
  const { role, sub } = world[person];
  if (role === 'anon') return database.asAnon();
  return sub === undefined ? database.asService() : database.asUser({ sub });
}

/** The library tells a row that is out of sight by a code of its own. */
const words: Readonly<Record<string, string>> = { ...wordsByCode, NOT_FOUND: 'none' };

async function wordFor(count: Promise<number>): Promise<string> {
  return await count.then(
    (rows) => (rows > 0 ? 'yes' : 'none'),
    (error) => {
      if (error instanceof pg.DatabaseError || error instanceof DatabaseError)
        return words[error.code ?? ''] ?? error.code ?? '';
      throw error;
    },
  );
}

/** Tries each cell and lays out what was found: several words where the statements of one cell came out differently. */
async function tried(lines: readonly Line[], statements: (label: string) => ((ids: Ids) => string)[], send: Send) {
  const found: Line[] = [];
  for (const { label } of lines) {
    const cells = forEachPerson(() => new Set<string>());
    for (const person of people) {
      for (const text of statements(label)) cells[person].add(await wordFor(send(person, text(world[person].ids))));
    }
    found.push({ label, cells: forEachPerson((person) => [...cells[person]].sort().join('|')) });
  }
  return writeGrid(found);
}

const ways = [
  ['plain SQL', bySql],
  ['the library', byLibrary],
] as const;

describe.each(ways)('through %s', (_, send) => {
  test.each(Object.entries(relations))('%s', async (name, { access }) => {
    expect(await tried(readGrid(access), (label) => statementsOf(name, label), send)).toBe(access);
  });

  test('functions', async () => {
    expect(await tried(readGrid(functions), callOf, send)).toBe(functions);
  });

  test('sequences', async () => {
    const statements = await sequenceStatements(file.admin);
    expect(await tried(readGrid(sequences), statements, send)).toBe(sequences);
  });

  test('the schema private', async () => {
    const statements = await hiddenStatements(file.admin);
    expect(await tried(readGrid(hidden), statements, send)).toBe(hidden);
  });
});

/*
 * A statement that reads no column is not narrowed by the policies for reading: those for writing must be tight by
 * themselves. It reaches the rows that the tables say, and no others, whoever's own it writes besides.
 */
describe('without a condition', () => {
  const writable = Object.entries(relations).filter(([, { access }]) =>
    readGrid(access).some(({ label, cells }) => /^(update|delete)/.test(label) && Object.values(cells).includes('yes')),
  );

  test.each(writable)('%s', async (name, relation) => {
    const set = changes[name];
    const group = Object.keys(relation.columns).find((key) =>
      wordsOf(relation.columns[key] ?? '').includes(set?.split(' ')[0] ?? ''),
    );
    const lines = readGrid(relation.access);
    for (const [kind, where] of Object.entries(rowsOf[name] ?? {})) {
      const reaches = async (label: string, text: string, isReached: (ids: Ids) => string) => {
        const [wanted] = combinations(readLabel(relation, `${label} ${kind}`));
        const line = lines.find((one) => wanted && combinations(readLabel(relation, one.label)).includes(wanted));
        for (const person of people) {
          const reached = await isTrueAfter(person, text, isReached);
          expect(reached, `${person}: ${label} ${kind}`).toBe(line?.cells[person] === 'yes');
        }
      };
      const row = (ids: Ids) => `from public.${name} where ${where(ids)}`;
      await reaches('delete', `delete from public.${name}`, (ids) => `not exists (select ${row(ids)})`);
      if (!set) continue;
      await reaches(
        `update ${group}`,
        `update public.${name} set ${set}`,
        (ids) => `exists (select ${row(ids)} and ${set})`,
      );
    }
  });

  /** Asks as the superuser what became of it. */
  async function isTrueAfter(person: Person, text: string, condition: (ids: Ids) => string): Promise<boolean> {
    const { role, sub, ids } = world[person];
    let isTrue = false;
    await RolledBack.around((rollBack) =>
      file.as(role, sub, async (client) => {
        await client.query('savepoint before');
        await client.query(text).catch(async (error) => {
          if (error.code !== '42501') throw error;
          await client.query('rollback to savepoint before');
        });
        await client.query('reset role');
        isTrue = (await client.query(`select ${condition(ids)} as is_true`)).rows[0].is_true;
        rollBack();
      }),
    );
    return isTrue;
  }
});

test.each(Object.entries(methods))('through repositories: %s', async (line, call) => {
  const [name = '', ...label] = wordsOf(line);
  const table = name === 'functions' ? functions : (relations[name]?.access ?? '');
  const expected = readGrid(table).find((one) => one.label === label.join(' '));
  const found: Partial<Record<Person, string>> = {};
  for (const person of people) {
    await inSessions(person, async (sessions) => {
      const called = call(sessions, world[person].ids);
      if (called) found[person] = await wordFor(called.then((result) => (result ? 1 : 0)));
    });
  }
  expect(Object.keys(found)).not.toEqual([]);
  expect({ ...expected?.cells, ...saysMore[line] }).toMatchObject(found);
});

/** Gives `fn` what the person has of repositories, in transactions that are rolled back. */
async function inSessions(person: Person, fn: (sessions: Sessions) => Promise<void>): Promise<void> {
  const { role, sub, ids } = world[person];
  await RolledBack.around(async (rollBack) => {
    if (role === 'anon') {
      await database.asAnon().transaction(async (reader) => {
        await fn({ reader });
        rollBack();
      });
    } else if (sub !== undefined) {
      await database.asUser({ sub }).transaction(async (user) => {
        await fn({
          reader: user,
          user,
          own: user,
          owner: sub === ids.owner ? user : undefined,
          moderation: user.moderation,
        });
        rollBack();
      });
    } else {
      const service = database.asService();
      await service.transaction(async ({ moderation, accounts }) => {
        await service.onBehalfOf(ids.owner).transaction(async (own) => {
          await fn({ own, owner: own, moderation, accounts });
          rollBack();
        });
      });
    }
  });
}

describe('the tables name all that there is', () => {
  async function catalog<Row extends object>(text: string): Promise<Row[]> {
    return (await file.admin.query<Row>(text)).rows;
  }

  test('every column, by who may insert and update it', async () => {
    const rows = await catalog<{ relation: string; columns: string[] }>(`
      select relname as relation, array_agg(attname::text order by attname) as columns
      from (
        select relname, attname, (
          select array_agg(distinct role || privilege order by role || privilege)
          from unnest('{anon,authenticated,service_role}'::text[]) as role, unnest('{insert,update}'::text[]) as privilege
          where has_column_privilege(role, attrelid, attnum, privilege)
        ) as privileges
        from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
      ) as columns
      group by relname, privileges`);
    const found = rows.map(({ relation, columns }) => `${relation}: ${columns.join(' ')}`);
    const named = Object.entries(relations).flatMap(([name, { columns }]) =>
      Object.values(columns).map((group) => `${name}: ${wordsOf(group).sort().join(' ')}`),
    );
    expect(named.sort()).toEqual(found.sort());
  });

  test('every operation on each group of columns and each kind of row, once', () => {
    for (const [name, relation] of Object.entries(relations)) {
      const each = operations.flatMap((operation) => combinations(readLabel(relation, operation)));
      const named = readGrid(relation.access).flatMap(({ label }) => combinations(readLabel(relation, label)));
      expect(named.sort(), name).toEqual(each.sort());
      expect(Object.keys(rowsOf[name] ?? {}), name).toEqual(Object.keys(relation.rows));
    }
  });

  test('every function', async () => {
    const rows = await catalog<{ proname: string }>(
      "select proname from pg_proc where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype",
    );
    const labels = readGrid(functions).map(({ label }) => label);
    expect([...new Set(labels.map((label) => wordsOf(label)[0]))].sort()).toEqual(
      rows.map(({ proname }) => proname).sort(),
    );
    expect(labels.sort()).toEqual(Object.keys(calls).sort());
  });

  test('no other kind of thing is in public, such as a procedure', async () => {
    const others = await catalog(`
      select relname from pg_class where relnamespace = 'public'::regnamespace and relkind not in ('r', 'p', 'v', 'm', 'f', 'i', 'I', 'c', 'S')
      union all select proname from pg_proc where pronamespace = 'public'::regnamespace and prokind <> 'f'`);
    expect(others).toEqual([]);
  });
});

function combinations({ operation, groups, kinds }: ReturnType<typeof readLabel>): string[] {
  const orNone = (names: readonly string[]) => (names.length > 0 ? names : ['']);
  return orNone(groups).flatMap((group) => orNone(kinds).map((kind) => `${operation} ${group} ${kind}`));
}

test('docs/access.md shows the tables', async () => {
  await expect(accessDocument()).toMatchFileSnapshot('../../../docs/access.md');
});
