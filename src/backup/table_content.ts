import type { ClientBase } from 'pg';

/** What a table holds, so that two can be compared without their rows. */
export type TableContent = {
  /** Such as `public.trips`, quoted as SQL has it. */
  readonly table: string;
  /** The columns that count, by name; what is computed from others does not. */
  readonly columns: readonly string[];
  readonly rows: number;
  /** The sum over the rows of the first 64 bits of each one's SHA-256, so that the order of rows does not count. */
  readonly hash: string;
};

export type Table = Pick<TableContent, 'table' | 'columns'>;

/** Where a sequence stands. */
export type SequenceContent = {
  readonly sequence: string /** As text: it may be any bigint. */;
  readonly last_value: string;
};

/** What of Supabase's `auth` a backup holds: the accounts, and by what they sign in. */
export const accountTables = ['users', 'identities'];

const backedUp = `c.relkind = 'r' and (n.nspname in ('public', 'private') or (n.nspname = 'auth' and c.relname in (${accountTables
  .map((name) => `'${name}'`)
  .join(', ')})))
  and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`;

/** The tables of a backup, Kysely's included. */
export async function listTables(client: ClientBase): Promise<Table[]> {
  const { rows } = await client.query<Table>(`
    select format('%I.%I', n.nspname, c.relname) as table, array_agg(quote_ident(a.attname) order by a.attname collate "C") as columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where ${backedUp}
    group by n.nspname, c.relname
    order by n.nspname collate "C", c.relname collate "C"`);
  return rows;
}

/** The tables of a backup of which row level security or missing grants would hide rows from the client's role. */
export async function hiddenTables(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ table: string }>(`
    select format('%I.%I', n.nspname, c.relname) as table
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where ${backedUp} and (row_security_active(c.oid) or not has_table_privilege(c.oid, 'select'))
    order by 1`);
  return rows.map(({ table }) => table);
}

/**
 * Settles for the transaction that the client is in whatever the text of a value depends on, and that nothing is filtered
 * or cut short: a role that row level security would filter gets an error.
 */
export async function settleSession(client: ClientBase): Promise<void> {
  await client.query(`
    select set_config(wanted.name, wanted.value, true)
    from (values
      ('search_path', ''), ('row_security', 'off'), ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'), ('timezone', 'UTC'),
      ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('xmlbinary', 'base64'), ('statement_timeout', '0'),
      ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
      -- A session whose client has gone then ends by itself.
      ('client_connection_check_interval', '2000')
    ) as wanted (name, value)
    join pg_catalog.pg_settings on lower(pg_settings.name) = wanted.name`);
}

/** Reads a table, in a transaction that `settleSession` has seen to. It takes no memory to speak of. */
export async function readTable(client: ClientBase, { table, columns }: Table): Promise<TableContent> {
  const { rows } = await client.query<{ rows: string; hash: string }>(`
    select count(*)::text as rows,
      coalesce(sum(('x' || left(encode(sha256(convert_to(row(${columns.join(', ')})::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint), 0)::text as hash
    from only ${table}`);
  return { table, columns, rows: Number(rows[0]?.rows), hash: rows[0]?.hash ?? '' };
}

/** Where the sequences stand. They belong to no snapshot: read them before what must not be ahead of them. */
export async function readSequences(client: ClientBase): Promise<SequenceContent[]> {
  const { rows } = await client.query<SequenceContent>(`
    select format('%I.%I', schemaname, sequencename) as sequence, coalesce(last_value, start_value - increment_by)::text as last_value
    from pg_catalog.pg_sequences where schemaname in ('public', 'private')
    order by schemaname collate "C", sequencename collate "C"`);
  return rows;
}
