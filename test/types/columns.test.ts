import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import * as enums from '../../src/types/enums.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

type Column = {
  relation: string;
  column: string;
  is_view: boolean;
  type: string;
  not_null: boolean;
  has_default: boolean;
  insertable: boolean;
  updatable: boolean;
};

let columns: Column[];
/** The text of each column's type in the generated file: `types.trips.id` is "RowId". */
let types: Record<string, Record<string, string>>;

beforeAll(async () => {
  const { rows } = await database.admin.query<Column>(`
    select c.relname as relation, a.attname as column, c.relkind = 'v' as is_view,
      format_type(case t.typtype when 'd' then t.typbasetype else t.oid end, a.atttypmod) as type,
      a.attnotnull or t.typnotnull as not_null, a.atthasdef or a.attidentity <> '' as has_default,
      bool_or(has_column_privilege(role, c.oid, a.attnum, 'insert')) as insertable,
      bool_or(has_column_privilege(role, c.oid, a.attnum, 'update')) as updatable
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    cross join unnest(array['authenticated', 'service_role']) as role
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and c.relname not like 'kysely\\_%'
    group by c.relname, c.relkind, a.attname, a.attnum, a.atttypmod, a.attnotnull, a.atthasdef, a.attidentity, t.oid
    order by c.relname, a.attnum`);
  columns = rows;
  types = parse(await readFile(new URL('../../src/types/database.ts', import.meta.url), 'utf8'));
});

function parse(source: string): Record<string, Record<string, string>> {
  const members = (body: string) =>
    Object.fromEntries([...body.matchAll(/^ {2}(\w+): (.*);$/gm)].map(([, name = '', type = '']) => [name, type]));
  const interfaces = Object.fromEntries(
    [...source.matchAll(/^export interface (\w+) \{\n(.*?)^\}/gms)].map(([, name = '', body = '']) => [
      name,
      members(body),
    ]),
  );
  return Object.fromEntries(
    Object.entries(interfaces.DB ?? {}).map(([table, name]) => [table, interfaces[name] ?? {}]),
  );
}

/** `relation.column` with what `describe` says of it. */
function table(which: (column: Column) => boolean, describe: (column: Column, type: string) => unknown) {
  return Object.fromEntries(
    columns
      .filter(which)
      .map((column) => [
        `${column.relation}.${column.column}`,
        describe(column, types[column.relation]?.[column.column] ?? 'missing'),
      ]),
  );
}

const inTables = ({ is_view }: Column) => !is_view;

test('the generated file has every table and view, with every column', () => {
  const inDatabase: Record<string, string[]> = {};
  for (const { relation, column } of columns) inDatabase[relation] = [...(inDatabase[relation] ?? []), column].sort();
  const inFile = Object.entries(types).map(([relation, members]) => [relation, Object.keys(members).sort()]);
  expect(Object.fromEntries(inFile)).toEqual(inDatabase);
});

test('a column is written by the types as the grants of users and service allow', () => {
  const byType = table(inTables, (_, type) => {
    if (/^Derived</.test(type)) return 'never';
    if (/^(RowId$|CreatedAt$|Fixed)/.test(type)) return 'insert';
    return /^UpdateOnly/.test(type) ? 'update' : 'insert and update';
  });
  const byGrant = table(inTables, ({ insertable, updatable }) => {
    if (insertable) return updatable ? 'insert and update' : 'insert';
    return updatable ? 'update' : 'never';
  });
  expect(byType).toEqual(byGrant);
});

test('a column may be null by the types where it may in the tables', () => {
  const byType = table(inTables, (_, type) => / \| null\b/.test(type));
  expect(byType).toEqual(table(inTables, ({ not_null }) => !not_null));
});

test('an insert may leave out by the types what has a default or what a trigger fills', () => {
  const filled = [
    'trips.currency',
    'expenses.currency',
    'expenses.date',
    'income_entries.currency',
    'income_entries.date',
  ];
  filled.push('budgets.currency', 'budgets.starts_on');
  const inserted = (column: Column) => inTables(column) && column.insertable && column.not_null;
  const byType = table(inserted, (_, type) => /^(Generated<|RowId|CreatedAt|FixedJsonObject)/.test(type));
  const byTable = table(
    inserted,
    ({ relation, column, has_default }) => has_default || filled.includes(`${relation}.${column}`),
  );
  expect(byType).toEqual(byTable);
});

describe('a value', () => {
  /** What `pg`, with our parsers, makes of a Postgres type. */
  const values: Record<string, string> = {
    uuid: 'string',
    text: 'string',
    'character varying(255)': 'string',
    tsvector: 'string',
    date: 'string',
    bigint: 'string',
    'text[]': 'string[]',
    integer: 'number',
    boolean: 'boolean',
    'timestamp with time zone': 'Date',
    numeric: 'Money',
    jsonb: 'JSON',
    point: '{ x: number; y: number }',
  };
  const enumNames =
    /^(ProfileRole|ProfileStatus|FriendshipStatus|TripStatus|IncomeType|IncomeFrequency|BudgetPeriod|PlaceKind|PostVisibility|ConversationStatus|MessageRole)$/;
  const jsonNames =
    /^(JsonObject|Itinerary|Route|Location|AmountsByCurrency|(CategoryTotal|CurrencySummary|RecentExpense)\[\])$/;
  const shorthands: Record<string, string> = { RowId: 'string', CreatedAt: 'Date', MoneyColumn: 'Money' };

  function inTypeScript(type: string): string {
    const core = type.replaceAll(/\w+</g, '').replaceAll('>', '').replace(' | null', '');
    if (enumNames.test(core)) return 'string';
    if (jsonNames.test(core) || /JsonObject(Column)?$/.test(core)) return 'JSON';
    return shorthands[core] ?? core;
  }

  test('has the TypeScript type of its Postgres type', () => {
    const everywhere = () => true;
    expect(table(everywhere, (_, type) => inTypeScript(type))).toEqual(table(everywhere, ({ type }) => values[type]));
  });

  test('of jsonb is written as JSON text', () => {
    const written = ({ type, insertable, updatable }: Column) => type === 'jsonb' && (insertable || updatable);
    const kinds = Object.values(table(written, (_, type) => type)).filter(
      (type) => !/JsonColumn<|JsonObject/.test(`${type}`),
    );
    expect(kinds).toEqual([]);
    expect(Object.keys(table(written, () => true))).toContain('trips.destinations');
  });
});

test('a view’s column is null by the types exactly where it is for somebody', async () => {
  const poor = await database.signUp();
  const rich = await database.signUp();
  await database.admin.query('update auth.users set email = null where id = $1', [poor]);
  await database.admin.query("insert into trips (user_id, name) values ($1, 'Big Lap')", [poor]);
  await database.admin.query("insert into trips (user_id, name, budget_total) values ($1, 'Big Lap', 100)", [rich]);
  await database.admin.query(
    `insert into expenses (user_id, trip_id, amount, category, currency)
      select user_id, id, 1, 'fuel', paid from trips, unnest(array['USD', 'NZD']) as paid where user_id = $1`,
    [rich],
  );
  const inViews = ({ is_view }: Column) => is_view;
  const nulls = new Set<string>();
  for (const view of new Set(columns.filter(inViews).map(({ relation }) => relation))) {
    const { rows } = await database.admin.query(`select * from ${view}`);
    expect(rows).toHaveLength(2);
    for (const row of rows) for (const column in row) if (row[column] === null) nulls.add(`${view}.${column}`);
  }
  const byType = table(inViews, (_, type) => / \| null>$/.test(type));
  expect(byType).toEqual(table(inViews, ({ relation, column }) => nulls.has(`${relation}.${column}`)));
});

test('nothing is written to a view', () => {
  const types = Object.values(
    table(
      ({ is_view }) => is_view,
      (_, type) => type,
    ),
  );
  expect(types.length).toBeGreaterThan(10);
  expect(types.filter((type) => !/^Derived<.+>$/.test(`${type}`))).toEqual([]);
});

describe('the lists of values', () => {
  const checked: Record<string, [type: string, values: readonly string[]]> = {
    'profiles.role': ['ProfileRole', enums.profileRoles],
    'profiles.status': ['ProfileStatus', enums.profileStatuses],
    'friendships.status': ['FriendshipStatus', enums.friendshipStatuses],
    'trips.status': ['TripStatus', enums.tripStatuses],
    'income_entries.type': ['IncomeType', enums.incomeTypes],
    'income_entries.frequency': ['IncomeFrequency', enums.incomeFrequencies],
    'budgets.period': ['BudgetPeriod', enums.budgetPeriods],
    'places.kind': ['PlaceKind', enums.placeKinds],
    'posts.visibility': ['PostVisibility', enums.postVisibilities],
    'pam_conversations.status': ['ConversationStatus', enums.conversationStatuses],
    'pam_messages.role': ['MessageRole', enums.messageRoles],
  };

  test('are those of the check constraints, all of them', async () => {
    const { rows } = await database.admin.query<{ column: string; definition: string }>(`
      select c.conrelid::regclass || '.' || a.attname as column, pg_get_constraintdef(c.oid) as definition
      from pg_constraint c
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
      where c.contype = 'c' and c.connamespace = 'public'::regnamespace and cardinality(c.conkey) = 1
        and pg_get_constraintdef(c.oid) ~ '= ANY \\(ARRAY\\['`);
    const lists = rows.map(({ column, definition }) => [
      column,
      [...definition.matchAll(/'(\w+)'::text/g)].map(([, value]) => value),
    ]);
    const ours = Object.entries(checked).map(([column, [, values]]) => [column, [...values]]);
    expect(Object.fromEntries(lists)).toEqual(Object.fromEntries(ours));
  });

  test('give the columns their types, also where a key keeps the value', () => {
    const byReference = {
      'post_likes.post_visibility': 'PostVisibility',
      'post_comments.post_visibility': 'PostVisibility',
    };
    const expected = {
      ...Object.fromEntries(Object.entries(checked).map(([column, [type]]) => [column, type])),
      ...byReference,
    };
    const named = table(inTables, (_, type) => Object.values(expected).find((name) => type.includes(name)));
    expect(Object.fromEntries(Object.entries(named).filter(([, name]) => name !== undefined))).toEqual(expected);
  });

  test('are all in the table above', () => {
    const lists = Object.values(enums).filter((value) => Array.isArray(value));
    expect(lists.filter((list) => !Object.values(checked).some(([, values]) => values === list))).toEqual([]);
  });
});
