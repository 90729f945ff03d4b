import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type Session,
  type UserRepositories,
} from '../database.ts';
import { found } from '../repositories/stored.ts';
import type { Claims } from '../session/claims.ts';
import { translateError } from '../session/translate_error.ts';
import { uuidSchema } from '../types/uuid.ts';
import { requireObject, validate } from '../types/validate.ts';
import { serverOfTheRun } from './global_setup.ts';
import { startPostgres } from './start_postgres.ts';
import {
  addressOf,
  type ClonedDatabase,
  cloneDatabase,
  createTemplateDatabase,
  dropTemplateDatabase,
} from './template_database.ts';

/** What Supabase Auth would know of somebody who signs up: `metadata` may have `full_name` and `avatar_url`. */
export type SignUp = { id?: string; email?: string; phone?: string; metadata?: Record<string, unknown> };

/** Somebody who has signed up: their session, and the claims of their JWT, for `asUser` or a token of a service's own. */
export type TestUser = Session<UserRepositories> & {
  readonly id: string;
  readonly claims: Claims & { readonly email: string };
};

/** As `createDatabase` takes them. */
export type TestDatabaseOptions = Omit<DatabaseOptions, 'connectionString'>;

/** A migrated database of its own. */
export interface TestDatabase extends AsyncDisposable {
  /** For what is tested: it leads there as the user of the server, a superuser unless it is the server of `DATABASE_URL`. */
  readonly connectionString: string;
  /** Sessions on it, as what is tested opens them: `asAnon`, `asService`, `asUser`. */
  readonly database: Database;
  /** At most 4 connections that no policy restrains, to look and to change what nobody may. */
  readonly admin: pg.Pool;
  /**
   * Inserts a row into `auth.users`, as Supabase Auth does at sign-up. The profile follows by trigger, with the currency USD
   * and the time zone UTC. Whoever is to be more than a user: `database.asService().accounts.setRole(id, 'moderator')`.
   *
   * @throws {UniqueError} if somebody has the id, address or phone; `ValidationError` for an id that is no uuid, or a field
   *   that there is not.
   * @example
   * const file = await createTestDatabase();
   * const alice = await file.signUp({ metadata: { full_name: 'Alice' } });
   * await alice.expenses.create({ amount: '42.50', category: 'fuel' });
   */
  signUp(person?: SignUp): Promise<TestUser>;
  /**
   * Closes `database` and `admin` and drops the database, ending whatever else is connected to it.
   *
   * @example
   * const file = await createTestDatabase();
   * after(() => file.drop()); // of node:test; afterAll of vitest
   */
  drop(): Promise<void>;
}

/**
 * Makes a migrated database for a test file, or for one test (`await using`): a copy, in well under a second, of the run's
 * template if `globalSetup` has made one, else on a server that it starts, some seconds long, and that `drop` stops.
 *
 * @param options of the `database`: as `createDatabase` takes them
 * @throws {ConfigurationError} if there is no Postgres to be had: which package to install; if `options` are wrong
 * @example
 * const file = await createTestDatabase();
 * after(() => file.drop());
 */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const run = serverOfTheRun();
  const clone = run ? await cloneDatabase(run.server, run.template) : await onServerOfItsOwn();
  try {
    return openTestDatabase(clone, options);
  } catch (error) {
    await clone.drop();
    throw error;
  }
}

/** A `TestDatabase` on a migrated database, which it drops in the end. */
export function openTestDatabase(clone: ClonedDatabase, options: TestDatabaseOptions): TestDatabase {
  const { connectionString } = clone;
  const database = createDatabase({ ...options, connectionString });
  const admin = new pg.Pool({ connectionString, max: 4 });
  // A test may end connections on purpose.
  admin.on('error', () => {});
  admin.on('connect', (client) => client.on('error', () => {}));
  let dropping: Promise<void> | undefined;

  async function close(): Promise<void> {
    // Whoever has closed them already may still drop the database, which ends a client that a test has not released.
    const ended = admin.ending || Promise.race([admin.end(), setTimeout(1_000, undefined, { ref: false })]);
    await Promise.all([database.destroy(), ended]);
    await clone.drop();
  }
  function drop(): Promise<void> {
    dropping ??= close();
    return dropping;
  }

  return {
    connectionString,
    database,
    admin,
    async signUp(person = {}) {
      const known = requireObject(person, ['id', 'email', 'phone', 'metadata']);
      const { id = randomUUID(), email = `${id}@example.com`, phone, metadata = {} } = known;
      const values = [validate(uuidSchema, id, 'id'), email, phone, JSON.stringify(metadata)];
      const made =
        'insert into auth.users (id, email, phone, raw_user_meta_data) values ($1, $2, $3, $4) returning id, email';
      const { rows } = await admin.query<{ id: string; email: string }>(made, values).catch((error) => {
        throw translateError(error);
      });
      const user = found(rows[0], 'user');
      const claims = { sub: user.id, role: 'authenticated', email: user.email } as const;
      return { ...database.asUser(claims), id: user.id, claims };
    },
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

async function onServerOfItsOwn(): Promise<ClonedDatabase> {
  const server = await startPostgres();
  try {
    const name = await createTemplateDatabase(server);
    return {
      connectionString: addressOf(server, name),
      drop: () => dropTemplateDatabase(server, name).finally(() => server.stop()),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
