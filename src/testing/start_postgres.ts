import { connect, serverVersion } from '../session/connect.ts';
import { ConfigurationError } from '../types/errors.ts';
import { startContainer } from './container.ts';
import { startEmbeddedPostgres } from './embedded_postgres.ts';
import { NotInstalled } from './not_installed.ts';

/** A Postgres server to make test databases on. */
export interface PostgresServer {
  /** Leads to a database from which others are created; test data never goes there. */
  connectionString: string;
  /** Where the server comes from: `embedded`, `Docker image postgres:18-alpine`, `DATABASE_URL, db.example:5432`. */
  description: string;
  /** Such as `18.4`. */
  version: string;
  /** Whether it is the server of `DATABASE_URL`, which stays, with every database on it. */
  stays: boolean;
  /** Stops the server if `startPostgres` started it. */
  stop(): Promise<void>;
}

const rungs = ['url', 'docker', 'embedded'];
const majors = ['15', '17', '18'];

/**
 * Gives a real Postgres: the server of `DATABASE_URL` if that is set, else a container if a Docker engine answers, else
 * an embedded server from `node_modules`. One line to `log` says which.
 *
 * Environment:
 * - `DATABASE_URL`: a server of your own, version 15 or newer, and a user who may create databases. Test databases are
 *   created beside the one it names, which is not touched.
 * - `TEST_POSTGRES` = `url`, `docker` or `embedded`: this one or an error.
 * - `TEST_POSTGRES_VERSION` = `15`, `17` or `18` (unless set): the major of the container or the embedded server.
 * - `TEST_POSTGRES_IMAGE`: the container's image, `postgres:18-alpine` unless set.
 *
 * @throws {ConfigurationError} one line that says what to do, such as which package to install; `ConnectionError`
 * @example
 * const server = await startPostgres();
 * const template = await createTemplateDatabase(server);
 * const database = await cloneDatabase(server, template);
 * // … tests against database.connectionString …
 * await dropTemplateDatabase(server, template);
 * await server.stop();
 */
export async function startPostgres({
  log = console.log,
}: {
  log?: (line: string) => void;
} = {}): Promise<PostgresServer> {
  const started = await firstThatWorks(process.env, log);
  try {
    const client = await connect(started.connectionString);
    const version = await serverVersion(client);
    await client.end();
    log(`Postgres ${version} (${started.description})`);
    return { ...started, version };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

async function firstThatWorks(
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Promise<Omit<PostgresServer, 'version'>> {
  const { DATABASE_URL, TEST_POSTGRES: only, TEST_POSTGRES_VERSION: major = '18', TEST_POSTGRES_IMAGE } = env;
  if (only && !rungs.includes(only))
    throw new ConfigurationError(`TEST_POSTGRES is "${only}": set it to url, docker or embedded.`);
  if (!majors.includes(major))
    throw new ConfigurationError(`TEST_POSTGRES_VERSION is "${major}": set it to 15, 17 or 18.`);

  if (only === 'url' || (!only && DATABASE_URL)) return await givenServer(DATABASE_URL);
  if (only !== 'embedded') {
    try {
      const container = await startContainer(TEST_POSTGRES_IMAGE ?? `postgres:${major}-alpine`);
      if (container) return container;
      if (only) throw new ConfigurationError('No Docker engine answers: start one, or leave TEST_POSTGRES out.');
    } catch (error) {
      if (only || TEST_POSTGRES_IMAGE) throw error;
      if (!(error instanceof NotInstalled))
        log(`${error instanceof Error ? error.message : error} Using the embedded server.`);
    }
  }
  try {
    return await startEmbeddedPostgres(major);
  } catch (error) {
    if (only || !(error instanceof NotInstalled)) throw error;
    throw new ConfigurationError(
      `${error.message} Or set DATABASE_URL, or start Docker and npm install --save-dev testcontainers @testcontainers/postgresql.`,
    );
  }
}

async function givenServer(connectionString: string | undefined): Promise<Omit<PostgresServer, 'version'>> {
  const client = await connect(connectionString);
  const description = `DATABASE_URL, ${client.host}:${client.port}`;
  await client.end();
  return { connectionString: connectionString ?? '', description, stays: true, stop: async () => {} };
}
