import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { connect, serverVersion } from '../session/connect.ts';
import { type BackupManifest, dumpFile, readBackup } from './backup_manifest.ts';
import { type ContentDifferences, compareContent } from './compare_content.ts';
import { missingRoles } from './granted_roles.ts';
import { libpqEnvironment, majorOf, requireProgram, startProgram } from './postgres_program.ts';
import { chooseEntries, type OurObjects, type TargetObjects } from './restore_list.ts';
import { createApiRoles, createOtherRoles, emptyTarget, resetGrants } from './restore_statements.ts';
import { accountTables, listTables } from './table_content.ts';
import type { WorkOptions } from './write_backup.ts';

export type RestoreOptions = WorkOptions & {
  /** Has what is there in `public` and `private`, and the accounts, dropped in the transaction that restores. */
  readonly replace?: boolean;
  /** Has roles that the server lacks made, without a login. Those of the API are in any case. */
  readonly createRoles?: boolean;
};

export type Restored = {
  readonly manifest: BackupManifest;
  /** Nothing, if all that was restored is what was dumped. */
  readonly differences: ContentDifferences;
  /** When, by `performance.now()`, all was there; comparing came after. */
  readonly restored_at: number;
};

/**
 * Restores a backup in one transaction, as the role of the connection string, who will own it, and then counts and hashes
 * what is there. The target is a plain database, or one of Supabase, whose schema `auth` stays as it is and gets rows only.
 *
 * @throws {Error} one line if the backup is damaged, the target is not empty, older than the backup's server, or lacks
 * roles, or if Postgres refuses something; the target is then as it was
 */
export async function restoreBackup(
  directory: string,
  connectionString: string,
  options: RestoreOptions = {},
): Promise<Restored> {
  const { signal, replace = false, createRoles = false } = options;
  const manifest = await readBackup(directory, signal);
  await requireProgram('pg_restore', majorOf(manifest.pg_dump_version));
  await requireProgram('psql', majorOf(manifest.pg_dump_version));
  const client = await connect(connectionString);
  const hangUp = () => void client.end();
  signal?.addEventListener('abort', hangUp);
  try {
    await requireTarget(client, manifest, { replace, createRoles });
    const target = await readTarget(client);
    const before = [
      'begin',
      'set client_min_messages = warning',
      createApiRoles,
      createOtherRoles(createRoles ? manifest.roles : []),
      replace ? emptyTarget : '',
    ].join(';\n');
    await runScript(connectionString, join(directory, dumpFile), ours(manifest), target, `${before};\n`, options);
    const tables = (await listTables(client)).map(({ table }) => table).filter(isOwn);
    await client.query(`analyze ${tables.join(', ')}`);
    const restored_at = performance.now();
    return { manifest, restored_at, differences: await compareContent(client, manifest, options) };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', hangUp);
    await client.end();
  }
}

/** Who restores may not own what is Supabase's. */
function isOwn(table: string): boolean {
  return !table.startsWith('auth.');
}

function ours({ schema }: BackupManifest): OurObjects {
  const lines = schema.find(({ object }) => object === 'table auth.users')?.lines ?? [];
  return {
    accountTriggers: lines.flatMap((line) => /^CREATE TRIGGER (\S+)/.exec(line)?.[1] ?? []),
    publications: schema.flatMap(({ object }) => /^publication (.*)/.exec(object)?.[1] ?? []),
  };
}

async function requireTarget(
  client: Client,
  { server_version, roles }: BackupManifest,
  { replace, createRoles }: { replace: boolean; createRoles: boolean },
): Promise<void> {
  const { host, port, database } = client;
  const place = `The database "${database}" on ${host}:${port}`;
  const version = await serverVersion(client);
  if (majorOf(version) < majorOf(server_version)) {
    throw new Error(
      `${place} is Postgres ${version}, older than the backup's ${server_version}: restore into ${majorOf(server_version)} or newer.`,
    );
  }
  const present = await whatIsThere(client);
  if (present.length > 0 && !replace) {
    throw new Error(
      `${place} is not empty: it has ${present.slice(0, 5).join(', ')}${present.length > 5 ? ` and ${present.length - 5} more` : ''}. Restore into an empty one, or add --replace to lose what is there.`,
    );
  }
  const lacking = createRoles
    ? []
    : await missingRoles(
        client,
        roles.filter((role) => !apiRoles.includes(role)),
      );
  if (lacking.length > 0) {
    const remedy = lacking.map((role) => `create role ${client.escapeIdentifier(role)} nologin`).join('; ');
    throw new Error(`The server lacks roles to which the backup grants something, and a dump holds none: ${remedy}.`);
  }
}

const apiRoles = ['anon', 'authenticated', 'service_role'];

/** What a restore would meet: everything in `public` and `private` that belongs to no extension, and accounts. */
async function whatIsThere(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    with ours as (select oid, nspname from pg_catalog.pg_namespace where nspname in ('public', 'private')),
    objects (class, oid, name) as (
      select 'pg_class'::regclass, c.oid, format('%I.%I', nspname, relname)
        from pg_catalog.pg_class c join ours on ours.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      union all
      select 'pg_proc'::regclass, p.oid, format('%I.%I()', nspname, proname) from pg_catalog.pg_proc p join ours on ours.oid = pronamespace
      union all
      select 'pg_type'::regclass, t.oid, format('%I.%I', nspname, typname)
        from pg_catalog.pg_type t join ours on ours.oid = typnamespace where typtype in ('d', 'e')
      union all
      select 'pg_namespace'::regclass, oid, 'the schema private' from ours where nspname = 'private'
    )
    select name from objects
    where not exists (select from pg_catalog.pg_depend d where d.classid = class and d.objid = objects.oid and d.deptype = 'e')
    order by class, name`);
  const names = rows.map(({ name }) => name);
  const accounts = await client.query("select to_regclass('auth.users') is not null as exist");
  if (!accounts.rows[0].exist) return names;
  const { rowCount } = await client.query('select from auth.users limit 1');
  return rowCount === 0 ? names : [...names, 'accounts in auth.users'];
}

async function readTarget(client: Client): Promise<TargetObjects> {
  const { rows } = await client.query<TargetObjects>(
    `select to_regnamespace('auth') is not null as "hasAuth",
      array(select name from unnest($1::text[]) as name where to_regclass('auth.' || name) is not null) as "accountTables",
      array(select pubname::text from pg_catalog.pg_publication) as publications`,
    [accountTables],
  );
  return rows[0] ?? { hasAuth: false, accountTables: [], publications: [] };
}

/**
 * `psql` gets the script from us, piece by piece: what comes before, the objects and rows, the grants, `commit`. If one
 * piece cannot be had, or this process dies, no `commit` follows and the server rolls back.
 */
async function runScript(
  connectionString: string,
  dump: string,
  ours: OurObjects,
  target: TargetObjects,
  before: string,
  { signal, progress }: WorkOptions,
): Promise<void> {
  const lists = await mkdtemp(join(tmpdir(), 'wheels-restore-'));
  try {
    const listing = startProgram('pg_restore', ['--list', dump], { signal });
    const [list] = await Promise.all([text(listing.stdout), listing.ended]);
    const { objects, grants } = chooseEntries(list, ours, target);
    const psql = startProgram(
      'psql',
      ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--output=/dev/null', '--file=-'],
      {
        env: libpqEnvironment(connectionString),
        signal,
      },
    );
    psql.stdout.resume();
    const pour = async (entries: string, name: string) => {
      const file = join(lists, name);
      await writeFile(file, entries);
      const script = startProgram('pg_restore', ['--no-owner', '--file=-', '--verbose', `--use-list=${file}`, dump], {
        signal,
        onLine: (line) => {
          const table = /processing data for table "(.*)"/.exec(line)?.[1];
          if (table) progress?.(`restoring ${table}`);
        },
      });
      await Promise.all([pipeline(script.stdout, psql.stdin, { end: false }), script.ended]);
    };
    try {
      psql.stdin.write(before);
      await pour(objects, 'objects');
      psql.stdin.write(`${resetGrants};\n`);
      await pour(grants, 'grants');
      psql.stdin.end('commit;\n');
    } catch (error) {
      psql.stdin.destroy();
      // If psql has failed, what feeds it fails as well, and does not know why.
      await psql.ended;
      throw error;
    }
    await psql.ended;
  } finally {
    await rm(lists, { recursive: true, force: true });
  }
}
