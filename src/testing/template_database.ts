import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { migrate } from '../migrations/migrate.ts';
import { connect } from '../session/connect.ts';
import { ConfigurationError } from '../types/errors.ts';
import type { PostgresServer } from './start_postgres.ts';

/** All that is needed to reach a server, so that another process can be told of it. */
export type ServerAddress = Pick<PostgresServer, 'connectionString'>;

/** A database that nobody else uses. */
export interface ClonedDatabase {
  connectionString: string;
  /** Drops the database, ending whatever is still connected to it. */
  drop(): Promise<void>;
}

/**
 * Makes a database with the schema of this package, from which `cloneDatabase` makes copies. Roles belong to the server,
 * not to a database: the migrations create those that are missing.
 *
 * @returns its name, which no other run on this server uses
 * @throws the error of the migration that failed
 */
export async function createTemplateDatabase(server: ServerAddress): Promise<string> {
  const template = uniqueName('test');
  await onServer(server, async (client) => {
    await dropLeftovers(client);
    await createDatabase(client, template, 'template0');
  });
  try {
    await migrate(addressOf(server, template), 'latest');
  } catch (error) {
    await dropTemplateDatabase(server, template);
    throw error;
  }
  return template;
}

/**
 * Copies a template database, in well under a second. The template `template0`, which every server has, gives an empty
 * database.
 */
export async function cloneDatabase(server: ServerAddress, template: string): Promise<ClonedDatabase> {
  const name = template === 'template0' ? uniqueName('test') : `${template}_${randomBytes(4).toString('hex')}`;
  await onServer(server, (client) => retryWhileInUse(() => createDatabase(client, name, template)));
  return clonedDatabase(server, name);
}

/** Makes an empty database for the demo. One that is not to be kept is dropped like a test's if its run could not do it. */
export async function createDemoDatabase(server: ServerAddress, { keep }: { keep: boolean }): Promise<ClonedDatabase> {
  const name = uniqueName(keep ? 'demo_kept' : 'demo');
  await onServer(server, async (client) => {
    await dropLeftovers(client);
    await createDatabase(client, name, 'template0');
  });
  return clonedDatabase(server, name);
}

function clonedDatabase(server: ServerAddress, name: string): ClonedDatabase {
  return {
    connectionString: addressOf(server, name),
    drop: () => onServer(server, (client) => dropDatabase(client, name)),
  };
}

async function createDatabase(client: pg.Client, name: string, template: string): Promise<void> {
  try {
    await client.query(`create database ${name} template ${pg.escapeIdentifier(template)}`);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '42501')) throw error;
    const user = pg.escapeIdentifier(client.user ?? '');
    throw new ConfigurationError(
      `The user ${user} may not create databases at ${client.host}:${client.port}: alter role ${user} createdb, or name another user in DATABASE_URL.`,
    );
  }
}

/** Drops a template database and every clone of it that is left. */
export async function dropTemplateDatabase(server: ServerAddress, template: string): Promise<void> {
  await onServer(server, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `select datname from pg_database
       where (datname = $1 or starts_with(datname, $1 || '_')) and starts_with(datname, 'wheels_test_')`,
      [template],
    );
    for (const { datname } of rows) await dropDatabase(client, datname);
  });
}

function uniqueName(kind: 'test' | 'demo' | 'demo_kept'): string {
  return `wheels_${kind}_${Math.floor(Date.now() / 1000)}_${randomBytes(4).toString('hex')}`;
}

/** A run that was interrupted could not drop its databases; on a server that stays, the runs of the next days do. */
async function dropLeftovers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(`
    select datname from pg_database
    where datname ~ '^wheels_(test|demo)_[0-9]{10}_' and pg_has_role(datdba, 'member')
      and to_timestamp(substring(datname, 13, 10)::bigint) < now() - interval '1 day'`);
  // Another run may be at it too.
  for (const { datname } of rows) await dropDatabase(client, datname).catch(() => {});
}

async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  // A pool that has just ended may still be hanging up: cutting it off then would be an error that nobody listens for.
  for (let wait = 0; wait < 20 && (await isInUse(client, name)); wait++) await setTimeout(50);
  await retryWhileInUse(async () => {
    // FORCE ends sessions, but not one that streams changes from a replication slot.
    await client.query(
      'select pg_terminate_backend(active_pid) from pg_replication_slots where database = $1 and active_pid is not null',
      [name],
    );
    await client.query(`drop database if exists ${name} with (force)`);
  });
}

async function isInUse(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from pg_stat_activity where datname = $1 and backend_type = 'client backend' limit 1",
    [name],
  );
  return rowCount !== 0;
}

async function retryWhileInUse(action: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await action();
      return;
    } catch (error) {
      const inUse = error instanceof pg.DatabaseError && error.code === '55006';
      if (!inUse || attempt === 20) throw error;
      await setTimeout(100);
    }
  }
}

async function onServer(server: ServerAddress, action: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = await connect(server.connectionString);
  try {
    await action(client);
  } finally {
    await client.end();
  }
}

/** Leads to another database on the server. */
export function addressOf(server: ServerAddress, database: string): string {
  const url = new URL(server.connectionString);
  url.pathname = `/${database}`;
  return url.href;
}
