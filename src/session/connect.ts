import pg from 'pg';
import { ConfigurationError, ConnectionError, type DatabaseError } from '../types/errors.ts';
import { isLackOfRight, lackingRight } from './lacking_right.ts';

const oldestMajor = 15;

/**
 * Connects to the database that a string such as `postgres://user:password@host:5432/database` names and checks the
 * server's version. The caller ends the client.
 *
 * @param source where the string comes from, for messages
 * @throws {ConfigurationError} one line if the string is missing or malformed, the server refuses the user or the database,
 *   or it is older than Postgres 15; `PermissionError` if the role may not connect to the database; `ConnectionError` if the
 *   server cannot be reached. No password is in it.
 */
export async function connect(connectionString: string | undefined, source = 'DATABASE_URL'): Promise<pg.Client> {
  const client = clientFor(connectionString, source);
  // Without a listener a connection that the server ends takes the process with it.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw explain(error, client, source);
  }
  const version = await serverVersion(client);
  if (Number.parseInt(version, 10) < oldestMajor) {
    await client.end();
    throw new ConfigurationError(
      `The server at ${address(client)} is Postgres ${version}: use Postgres ${oldestMajor} or newer.`,
    );
  }
  return client;
}

/**
 * A client that is not connected yet; its `host`, `port` and `database` tell where it leads.
 *
 * @param source where the string comes from, for messages
 * @throws {ConfigurationError} if the string is missing or malformed
 */
export function clientFor(connectionString: string | undefined, source = 'DATABASE_URL'): pg.Client {
  const form = 'postgres://user:password@host:5432/database';
  if (!connectionString) throw new ConfigurationError(`${source} is not set: set it to ${form}.`);
  const malformed = new ConfigurationError(
    `${source} is malformed: it must look like ${form}, without spaces, with special characters percent-encoded.`,
  );
  // `pg` takes a string that it does not understand for the name of a database, which messages would show.
  if (!/^postgres(ql)?:\/\/\S+$/.test(connectionString) || !URL.canParse(connectionString)) throw malformed;
  let client: pg.Client;
  try {
    client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  } catch {
    throw malformed;
  }
  if (`${client.host} ${client.database} ${client.user}`.includes('://')) throw malformed;
  return client;
}

/** The version of the server, such as `18.4`. */
export async function serverVersion(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  return rows[0]?.server_version.split(' ')[0] ?? '';
}

function explain(error: unknown, client: pg.Client, source: string): DatabaseError {
  // A host with several addresses fails with one error for each.
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof pg.DatabaseError ? cause.code : undefined;
  if (code === '28P01' || code === '28000' || message.startsWith('SASL')) {
    return new ConfigurationError(
      `The server at ${address(client)} refused the user "${client.user}": check user and password in ${source}.`,
    );
  }
  if (isLackOfRight(cause)) return lackingRight(client.user, message);
  if (code === '3D000') {
    return new ConfigurationError(
      `The database "${client.database}" does not exist at ${address(client)}: create it, or correct ${source}.`,
    );
  }
  if (code !== undefined) {
    return new ConnectionError(
      `The server at ${address(client)} takes no connection now (${message}): try again later.`,
    );
  }
  return new ConnectionError(
    `No Postgres answers at ${address(client)} (${message}): start the server, or correct ${source}.`,
  );
}

function address(client: pg.Client): string {
  return `${client.host}:${client.port}`;
}
