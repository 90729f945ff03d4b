import type { Client } from 'pg';

/** What questions need to know of the server, and how they ask it. */
export type Server = {
  /** Such as `17.2`. */
  readonly version: string;
  readonly database: string;
  readonly role: string;
  /** Whether other roles' sessions and statements are shown. */
  readonly seesAllSessions: boolean;
  /** Whether statistics of all columns are shown, which policies and grants hide. */
  readonly seesAllColumns: boolean;
  /** The rows of a statement, under time limits, in a read-only transaction of its own. Names come with their schemas. */
  query<R>(sql: string): Promise<R[]>;
};

/** @param client connected; the caller ends it. */
export async function serverOf(client: Client): Promise<Server> {
  const query = async <R>(sql: string): Promise<R[]> => {
    await client.query('begin read only');
    try {
      await client.query(limits);
      // Rows are what the columns of a question say: its test compares the two.
      const { rows } = await client.query(sql);
      return rows;
    } finally {
      await client.query('rollback').catch(() => {});
    }
  };
  const [facts] = await query<Omit<Server, 'query'>>(`
    select split_part(current_setting('server_version'), ' ', 1) as version, current_database()::text as database,
      current_user::text as role, pg_has_role('pg_read_all_stats', 'usage') as "seesAllSessions",
      pg_has_role('pg_read_all_data', 'usage') and (rolsuper or rolbypassrls) as "seesAllColumns"
    from pg_roles where rolname = current_user`);
  if (!facts) throw new Error('The server does not know the role of this connection.');
  return { ...facts, query };
}

/** Sizes are read under a lock, and what others wait for must not keep the inspection waiting. */
const limits = `select set_config('statement_timeout', '30s', true), set_config('lock_timeout', '2s', true),
  set_config('search_path', 'pg_catalog, pg_temp', true), set_config('jit', 'off', true),
  set_config('datestyle', 'ISO', true), set_config('timezone', 'UTC', true)`;
