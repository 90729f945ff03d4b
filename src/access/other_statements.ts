import type { QueryResult } from 'pg';
import type { Ids } from './world.ts';

type Database = { query(text: string): Promise<QueryResult<Record<string, string>>> };

/** The statements of a line, by its label. */
export type Statements = (label: string) => ((ids: Ids) => string)[];

/** What is tried on each sequence of public. */
export async function sequenceStatements(database: Database): Promise<Statements> {
  const { rows } = await database.query(`
    select format('select from public.%I', relname) as select, format('select nextval(''public.%I'')', relname) as nextval,
      format('select setval(''public.%I'', 1)', relname) as setval
    from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'`);
  return byLabel(rows);
}

/** What is tried on each table and function of private. */
export async function hiddenStatements(database: Database): Promise<Statements> {
  const { rows: tables } = await database.query(`
    select format('select from private.%I', relname) as select, format('insert into private.%I default values', relname) as insert,
      format('update private.%I set %I = %2$I', relname, attname) as update, format('delete from private.%I', relname) as delete,
      format('truncate private.%I', relname) as truncate
    from pg_class join pg_attribute on attrelid = pg_class.oid and attnum = 1
    where relnamespace = 'private'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')`);
  const { rows: called } = await database.query(`
    select format('select private.%I(%s)', proname, (
      select string_agg(format('null::%s', kind::regtype), ', ') from unnest(proargtypes) as kind
    )) as call
    from pg_proc where pronamespace = 'private'::regnamespace and prorettype <> 'trigger'::regtype`);
  return byLabel([...tables, ...called]);
}

function byLabel(rows: readonly Record<string, string>[]): Statements {
  return (label) => {
    const texts = rows.flatMap(({ [label]: text }) => (text === undefined ? [] : [() => text]));
    if (texts.length === 0) throw new Error(`There is nothing to try "${label}" on.`);
    return texts;
  };
}
