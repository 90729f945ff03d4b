import type { Client } from 'pg';
import type { WorkOptions } from './write_backup.ts';

/**
 * Has the extension `amcheck` look at every B-tree (that it is in order and has an entry for each row) and every table (that
 * its pages can be read) of `public`, `private` and `auth`. The extension is there for the time of the check only.
 *
 * @returns how many were looked at, and what is wrong, a line each
 */
export async function checkIndexes(
  client: Client,
  { progress }: Pick<WorkOptions, 'progress'> = {},
): Promise<{ readonly indexes: number; readonly tables: number; readonly wrong: readonly string[] }> {
  const wrong: string[] = [];
  await client.query('begin');
  try {
    await client.query('create extension if not exists amcheck');
    const { rows: extension } = await client.query(
      "select quote_ident(nspname) as schema from pg_catalog.pg_extension join pg_catalog.pg_namespace n on n.oid = extnamespace where extname = 'amcheck'",
    );
    const { schema } = extension[0];
    const { rows } = await client.query<{ oid: number; name: string; kind: 'i' | 'r' }>(`
      select c.oid, format('%I.%I', nspname, relname) as name, relkind as kind
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = relnamespace
      where nspname in ('public', 'private', 'auth') and relpersistence = 'p'
        and (relkind = 'r' or relkind = 'i' and relam = (select oid from pg_catalog.pg_am where amname = 'btree'))
      order by 2`);
    for (const { oid, name, kind } of rows) {
      await client.query('savepoint one');
      try {
        if (kind === 'i') await client.query(`select ${schema}.bt_index_check($1, true)`, [oid]);
        else {
          const found = await client.query(`select msg from ${schema}.verify_heapam($1) limit 1`, [oid]);
          for (const { msg } of found.rows) wrong.push(`${name}: ${msg}`);
        }
        await client.query('release one');
      } catch (error) {
        await client.query('rollback to one');
        wrong.push(`${name}: ${error instanceof Error ? error.message : error}`);
      }
      progress?.(`checked ${name}`);
    }
    const indexes = rows.filter(({ kind }) => kind === 'i').length;
    return { indexes, tables: rows.length - indexes, wrong };
  } finally {
    await client.query('rollback');
  }
}
