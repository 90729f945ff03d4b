import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { functions, hidden, people, relations, sequences } from '../access/access.ts';
import { callOf, statementsOf } from '../access/attempts.ts';
import { readGrid } from '../access/grid.ts';
import { hiddenStatements, type Statements, sequenceStatements } from '../access/other_statements.ts';
import { wordsByCode } from '../access/outcome.ts';
import { type Caller, makeWorld, type World } from '../access/world.ts';

/**
 * Tries every cell of docs/access.md on a database, with people who sign up for it. All of it is rolled back. The client
 * must be a superuser's, or of a role that may take those of the API.
 *
 * @returns how many statements were tried, and the cells that are wrong, a line each
 */
export async function checkAccess(
  client: pg.Client,
): Promise<{ readonly tried: number; readonly wrong: readonly string[] }> {
  await client.query('begin');
  try {
    return await tryCells(client, await signUpEverybody(client));
  } catch (error) {
    return { tried: 0, wrong: [`People cannot sign up and write: ${withoutValues(error)}`] };
  } finally {
    await client.query('rollback');
  }
}

async function signUpEverybody(client: pg.Client): Promise<World> {
  const as = (caller: Caller) => async (text: string, values?: unknown[]) => {
    await become(client, caller);
    await client.query(text, values);
    await client.query('reset role');
  };
  return await makeWorld({
    async signUp() {
      const id = randomUUID();
      await client.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@drill.invalid`]);
      return id;
    },
    user: (sub) => as({ role: 'authenticated', sub }),
    service: () => as({ role: 'service_role' }),
  });
}

async function tryCells(client: pg.Client, world: World) {
  const tables: [name: string, table: string, statements: Statements][] = [
    ...Object.entries(relations).map(([name, { access }]): [string, string, Statements] => [
      `${name} `,
      access,
      (label) => statementsOf(name, label),
    ]),
    ['', functions, callOf],
    ['sequence ', sequences, await sequenceStatements(client)],
    ['private ', hidden, await hiddenStatements(client)],
  ];
  const lines = tables.flatMap(([name, table, statements]) =>
    readGrid(table).map(({ label, cells }) => ({ what: `${name}${label}`, cells, texts: statements(label) })),
  );
  const wrong: string[] = [];
  let tried = 0;
  for (const person of people) {
    const { ids, ...caller } = world[person];
    await client.query('savepoint person');
    await become(client, caller);
    await client.query('savepoint attempt');
    for (const { what, cells, texts } of lines) {
      const found = new Set<string>();
      for (const text of texts) found.add(await outcomeOf(client, text(ids)));
      tried += texts.length;
      const words = [...found].sort().join('|');
      if (words !== cells[person]) wrong.push(`${person}: ${what}: ${words}, not ${cells[person]}`);
    }
    await client.query('rollback to person');
  }
  return { tried, wrong };
}

async function become(client: pg.Client, { role, sub }: Caller): Promise<void> {
  await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
    role,
    JSON.stringify({ role, sub }),
  ]);
}

/** What the attempt before did is undone in the same message. */
async function outcomeOf(client: pg.Client, statement: string): Promise<string> {
  try {
    const results: pg.QueryResult | pg.QueryResult[] = await client.query(`rollback to attempt; ${statement}`);
    return ([results].flat().at(-1)?.rowCount ?? 1) > 0 ? 'yes' : 'none';
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    return wordsByCode[code ?? ''] ?? withoutValues(error);
  }
}

function withoutValues(error: unknown): string {
  return error instanceof Error ? error.message.replace(/: ".*/, '') : String(error);
}
