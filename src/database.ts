import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import type { PoolConfig } from 'pg';
import type { Change, SeenChange } from './changes/change.ts';
import type { ChangeFeed } from './changes/change_feed.ts';
import { type ChangesOptions, Feeds, type SessionChangesOptions } from './changes/feeds.ts';
import type { PublishedTable } from './changes/published.ts';
import { viewerOf } from './changes/seen_rows.ts';
import { AccountRepository } from './repositories/accounts.ts';
import { BudgetRepository } from './repositories/budgets.ts';
import { ExpenseRepository } from './repositories/expenses.ts';
import { FeedbackReader } from './repositories/feedback.ts';
import { FriendRepository } from './repositories/friends.ts';
import { IncomeRepository } from './repositories/income.ts';
import { ModerationRepository } from './repositories/moderation.ts';
import { type OwnPosts, type OwnProfile, ownPostsOf, ownProfileOf } from './repositories/on_behalf.ts';
import { PamRepository, ServicePamRepository } from './repositories/pam.ts';
import { PlaceRepository } from './repositories/places.ts';
import { PostReader } from './repositories/post_reader.ts';
import { PostRepository } from './repositories/posts.ts';
import { ProfileRepository, PublicProfileRepository } from './repositories/profiles.ts';
import { TripRepository } from './repositories/trips.ts';
import {
  anonContext,
  type Claims,
  onBehalfContext,
  type SessionContext,
  serviceContext,
  userContext,
} from './session/claims.ts';
import type { ConnectionPool } from './session/connection_pool.ts';
import { Cursor } from './session/cursor.ts';
import type { Route } from './session/lease.ts';
import { refuseBesideStream, runInTransaction } from './session/own_transaction.ts';
import { createPool, type limitNames } from './session/pool.ts';
import { parsePosition } from './session/replicas/log_position.ts';
import { createReplicaPools, type ReplicaOptions } from './session/replicas/options.ts';
import { primaryPosition } from './session/replicas/primary_position.ts';
import { Replicas } from './session/replicas/replicas.ts';
import { checkSignal, type ScopeOptions, type SessionOptions, scopedPool } from './session/scoped_pool.ts';
import { checkLimits } from './session/settings.ts';
import { runTransaction, type TransactionOptions } from './session/transaction.ts';
import { refuseTransactionControl } from './session/transaction_control.ts';
import type { TransactionLevel } from './session/transaction_level.ts';
import type { TelemetryOptions } from './telemetry/options.ts';
import { queryEvents } from './telemetry/query_event.ts';
import { serverName } from './telemetry/server.ts';
import { Tracing } from './telemetry/tracing.ts';
import type { DB } from './types/database.ts';
import { ConfigurationError, type DatabaseError } from './types/errors.ts';
import { requireObject } from './types/validate.ts';

/**
 * As `pg.Pool` takes it: `connectionString`, `max`, `connectionTimeoutMillis` (default 10 s), `ssl` …; besides these, limits
 * that the server keeps for every statement, how long to wait for its answer, `preparedStatements: false` for poolers that
 * keep none, `replicas` for read-only sessions, and `onQuery` and `tracer` to see what happens.
 */
export type DatabaseOptions = Omit<PoolConfig, keyof typeof limitNames | 'Client' | 'pipeline'> &
  ScopeOptions &
  ReplicaOptions &
  TelemetryOptions;

/**
 * `kysely` runs a service's own queries under the session's role and claims; inside a transaction it is the transaction. Its
 * `stream()` runs in a transaction of its own, which commits after the last row and rolls back if the loop ends before;
 * inside a transaction the next statement must wait until the loop is over.
 */
export type Bound<Repositories> = Repositories & { readonly kysely: Kysely<DB> };

/** What the function of a transaction is given: the same repositories and Kysely, in the transaction. */
export type TransactionSession<Repositories> = Bound<Repositories> & {
  /**
   * A part of the transaction (a savepoint): if `fn` throws, what it did is undone, and the transaction goes on if the caller
   * catches the error. One at a time.
   *
   * @example
   * await alice.transaction(async (tx) => {
   *   await tx.trips.create({ name: 'Big Lap' });
   *   await tx.transaction((part) => part.expenses.createMany(imported)).catch(reportImport);
   * });
   */
  transaction<T>(fn: (tx: TransactionSession<Repositories>) => Promise<T>): Promise<T>;
  /**
   * Registers what is to be done once everything is committed, such as sending a message: in the order of registration, and
   * never if the transaction, or the nested one that registered it, was undone.
   *
   * @throws {ConfigurationError} if the transaction is over.
   * @example
   * await alice.transaction(async (tx) => {
   *   const trip = await tx.trips.create({ name: 'Big Lap' });
   *   tx.afterCommit(() => send({ planned: trip.id }));
   * });
   */
  afterCommit(fn: () => unknown): void;
};

/** Repositories, a typed Kysely and transactions under one auth context. It holds no connection while nothing runs. */
export type Session<Repositories> = Bound<Repositories> & {
  /**
   * All that `fn` does through what it is given takes effect, or, if `fn` throws, nothing. After a serialization failure or
   * a deadlock the whole of `fn` runs again, three times unless `retries` says otherwise: what must not happen twice goes
   * into `tx.afterCommit`. n statements and the commit are n + 1 network round trips.
   *
   * @throws whatever `fn` throws; `SerializationError` when the retries are used up; `DatabaseError` with code `25P02` if `fn`
   *   caught the error of a statement and went on; `AfterCommitError` if all is saved and a function of `afterCommit` threw;
   *   `ConfigurationError` where `fn` calls a session of the same person instead of what it is given.
   * @example
   * await alice.transaction(async (tx) => {
   *   const detour = await tx.trips.create({ name: 'Detour' });
   *   await tx.expenses.move({ from: trip.id, to: detour.id });
   *   tx.afterCommit(() => notify(alice));
   * });
   */
  transaction<T>(fn: (tx: TransactionSession<Repositories>) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * What changes from now on and this session may see, as its policies decide at the moment when a change is handed over.
   * A deletion reaches the row's owner and whoever was shown the row by this loop (the last 10,000 rows); a row that the
   * session may not see any longer ends with one too. Several changes of a row that come close together are one. The loop
   * ends with its signal and with `destroy`. All sessions of a `Database` share one temporary replication slot.
   *
   * @throws {ValidationError} if a table is not published. The loop throws `ChangesLostError` if changes cannot be brought
   *   any more, as after a lost connection or when over 10,000 changed rows wait for the loop: read anew and follow again;
   *   `ConfigurationError` if the connection leads to a pooler, or its role may not replicate; `PermissionError` if the
   *   session may read none of the tables.
   * @example
   * for await (const { table, operation, row } of alice.changes({ tables: ['expenses'], signal })) {
   *   send({ table, operation, row });
   * }
   */
  changes<Table extends PublishedTable = PublishedTable>(
    options?: SessionChangesOptions<Table>,
  ): ChangeFeed<SeenChange<Table>>;
};

/** What a user may do: role `authenticated`, RLS decides. */
export type UserRepositories = {
  readonly profiles: ProfileRepository;
  readonly trips: TripRepository;
  readonly expenses: ExpenseRepository;
  readonly income: IncomeRepository;
  readonly budgets: BudgetRepository;
  readonly places: PlaceRepository;
  readonly posts: PostRepository;
  readonly friends: FriendRepository;
  readonly pam: PamRepository;
  /** For moderators and admins: of another user it shows and removes what they may see and remove anyway. */
  readonly moderation: ModerationRepository;
};

/** What somebody may do who is not signed in: role `anon`, public posts and their authors. */
export type AnonRepositories = {
  readonly posts: PostReader;
  readonly profiles: PublicProfileRepository;
};

/**
 * What the service may do with one user's data: role `service_role`, which bypasses RLS, so that what asks for other
 * people's posts and profiles is left to the user's own session.
 */
export type OnBehalfRepositories = Omit<UserRepositories, 'posts' | 'profiles' | 'pam' | 'moderation'> & {
  readonly posts: OwnPosts;
  readonly profiles: OwnProfile;
  readonly pam: ServicePamRepository;
};

/** What the service may do with everybody's data: role `service_role`, which bypasses RLS. */
export type ServiceRepositories = {
  readonly accounts: AccountRepository;
  readonly feedback: FeedbackReader;
  readonly moderation: ModerationRepository;
};

export type ServiceSession = Session<ServiceRepositories> & {
  /**
   * The service acting for one user, whose rows every statement names. What `options` leave out is as in this session, and
   * whatever they say, of a read-only one it is read-only.
   *
   * @throws {ValidationError} unless `userId` is a uuid.
   * @example
   * const own = database.asService().onBehalfOf(userId);
   * await own.trips.create({ name: 'Big Lap' }); // a trip of that user
   */
  onBehalfOf(userId: string, options?: SessionOptions): Session<OnBehalfRepositories>;
};

/** Numbers of connections: `open` of at most `max`, `idle` among them, and how many calls are `waiting` for one. */
export type Connections = { max: number; open: number; idle: number; waiting: number };

/** A replica at this moment: `server` is host and port; one that is left out does not answer, or is no standby. */
export type ReplicaState = Connections & { server: string; isLeftOut: boolean };

export type Database = {
  /**
   * A session of a signed-in user. `claims` is the payload of their JWT, whose signature the caller has verified.
   *
   * @throws {ValidationError} unless `claims` is an object whose `sub` is a uuid and whose `role`, if any, is `authenticated`; for
   *   an option that there is not, such as a misspelt `readOnly`, as the other sessions.
   * @example
   * const alice = database.asUser(claims, { signal: request.signal }); // whoever hangs up stops what runs for them
   */
  asUser(claims: Claims, options?: SessionOptions): Session<UserRepositories>;
  /**
   * A session of somebody who is not signed in.
   *
   * @example
   * const { items } = await database.asAnon().posts.feed({ limit: 20 });
   */
  asAnon(options?: SessionOptions): Session<AnonRepositories>;
  /**
   * A session of the service itself, which bypasses RLS.
   *
   * @example
   * const account = await database.asService().accounts.findByEmail('sam@example.com');
   */
  asService(options?: SessionOptions): ServiceSession;
  /**
   * Every committed change of the published tables, whoever made it, in the order of the commits, for a service that keeps
   * something in step: a search index, a cache, a warehouse. With `slot` at least once: a change is confirmed when the loop
   * asks for what follows its transaction, and whatever was not comes again after a crash of anybody; within one loop
   * nothing comes twice. `lsn` and `ordinal` are the key to store with its effect, in one transaction. Without `slot` what
   * is committed from now on, as long as the connection lasts. The loop ends with `signal` and with `destroy`.
   *
   * It bypasses RLS. The login role needs REPLICATION, the server wal_level = logical, the connection no pooler.
   *
   * @throws {ValidationError} for an unknown table or a malformed slot. The loop throws `ChangesLostError` if the slot is
   *   missing or the server has removed what it had yet to deliver; `ConfigurationError` if the server, the role or the
   *   connection is not fit, or another consumer has the slot for longer than a dead one would.
   * @example
   * for await (const change of database.changes({ slot: 'search_index', create: 'snapshot', tables: ['posts'], signal })) {
   *   await index(change); // the next step of the loop confirms it
   * }
   */
  changes<Table extends PublishedTable = PublishedTable>(options?: ChangesOptions<Table>): ChangeFeed<Change<Table>>;
  /** The connections of the pool at this moment, to the primary if there are replicas. */
  readonly connections: Connections;
  /** The replicas at this moment, in the order of the option. */
  readonly replicas: readonly ReplicaState[];
  /**
   * Up to where the primary has written its log, for another process, or the next request, to read from there on: whoever
   * reads `after` it sees all that was committed before the call, by anybody. One network round trip.
   *
   * @throws {ConnectionError} if the connection string leads to a standby.
   * @example
   * await alice.trips.create({ name: 'Big Lap' });
   * const after = await database.position(); // in a cookie, say
   * // the next request, on any machine
   * await database.asUser(claims, { readOnly: true, after }).trips.list();
   */
  position(): Promise<string>;
  /**
   * Refuses new work, waits up to `timeoutMillis` (default 10 s) for the statements and transactions that run, then cancels
   * the rest, whose callers get an error, and closes all connections.
   *
   * @example
   * await database.destroy({ timeoutMillis: 5_000 }); // on SIGTERM
   */
  destroy(options?: { timeoutMillis?: number }): Promise<void>;
};

/**
 * Opens the database; the first statement connects. The login role must be a member of `anon`, `authenticated` and
 * `service_role`, as Supabase's `postgres` is.
 *
 * @throws {ConfigurationError} if the connection string is empty or malformed, a limit is no number of milliseconds or has
 *   `pg`'s own name, or `onQuery` or `tracer` is none.
 * @example
 * const database = createDatabase({ connectionString: process.env.DATABASE_URL });
 * const alice = database.asUser({ sub: userId });
 * const trip = await alice.trips.create({ name: 'Big Lap', budget_total: '9000.00' });
 * await database.destroy();
 */
export function createDatabase({
  preparedStatements,
  statementTimeoutMillis,
  lockTimeoutMillis,
  idleInTransactionTimeoutMillis,
  query_timeout,
  onQuery,
  tracer,
  replicas: replicaUrls = [],
  ...poolConfig
}: DatabaseOptions): Database {
  requireNode();
  const limits = { statementTimeoutMillis, lockTimeoutMillis, idleInTransactionTimeoutMillis, query_timeout };
  checkLimits(limits);
  const pool = createPool(poolConfig);
  const replicaPools = createReplicaPools(replicaUrls, poolConfig);
  const replicas = replicaPools.length > 0 ? new Replicas(pool, replicaPools) : undefined;
  const tracing = tracer && new Tracing(tracer, pool);
  const observers = [onQuery && queryEvents(onQuery), tracing].filter((observer) => observer !== undefined);
  const feeds = new Feeds(pool);
  let closing: Promise<void> | undefined;

  function kyselyOf(context: SessionContext, options: SessionOptions, route?: Route): Kysely<DB> {
    const scoped = scopedPool(pool, context, { preparedStatements, ...limits, ...options }, observers, route);
    return new Kysely<DB>({ dialect: new PostgresDialect({ pool: scoped, cursor: Cursor }) });
  }

  function open<Repositories extends object>(
    context: SessionContext,
    options: SessionOptions,
    repositoriesOf: (kysely: Kysely<DB>) => Repositories,
  ): Session<Repositories> {
    const { signal, readOnly = false, after } = requireObject(options, ['signal', 'readOnly', 'after']);
    checkSignal(signal);
    const position = after === undefined ? undefined : parsePosition(after);
    const route = readOnly ? replicas?.forReading(context, position) : replicas?.forWriting(context);
    const bind = tracing ? (kysely: Kysely<DB>) => tracing.repositories(repositoriesOf(kysely)) : repositoriesOf;
    const kysely = kyselyOf(context, { signal, readOnly }, route);
    const inside = (tx: Transaction<DB>, level: TransactionLevel): TransactionSession<Repositories> => {
      const gated = tx.withPlugin({
        transformQuery: ({ node }) => {
          level.refuseUnlessOpen();
          refuseBesideStream(pool, context);
          refuseTransactionControl(node);
          return node;
        },
        transformResult: async ({ result }) => result,
      });
      return {
        ...bind(gated),
        kysely: gated,
        transaction: async (fn) => {
          refuseBesideStream(pool, context);
          return await level.nested(tx, (_, inner) => fn(inside(tx, inner)));
        },
        afterCommit: (fn) => level.afterCommit(fn),
      };
    };
    return {
      ...bind(kysely),
      kysely,
      transaction: (fn, transactionOptions) => {
        const run = (onRetry?: (error: DatabaseError) => void) =>
          runTransaction(
            kysely,
            (tx, level) => runInTransaction(pool, context, () => fn(inside(tx, level))),
            transactionOptions,
            onRetry,
            signal,
          );
        return tracing ? tracing.transaction(run) : run();
      },
      changes: (options = {}) =>
        // A replica may not have yet what the feed tells of.
        feeds.session(viewerOf(replicas ? kyselyOf(context, { signal }) : kysely, context), options, signal),
    };
  }

  return {
    asUser: (claims, options = {}) =>
      open(userContext(claims), options, (kysely) => repositoriesOf.user(kysely, claims.sub)),
    asAnon: (options = {}) => open(anonContext(), options, repositoriesOf.anon),
    asService: (options = {}) => ({
      ...open(serviceContext(), options, repositoriesOf.service),
      onBehalfOf: (userId, { signal = options.signal, after = options.after, ...others } = {}) =>
        open(
          onBehalfContext(userId),
          { ...others, signal, after, readOnly: options.readOnly || others.readOnly },
          (kysely) => repositoriesOf.onBehalf(kysely, userId),
        ),
    }),
    changes: (options = {}) => feeds.database(options),
    get connections() {
      return connectionsOf(pool);
    },
    get replicas() {
      return (replicas?.list ?? []).map(({ pool, isLeftOut }) => ({
        server: serverName(pool),
        isLeftOut,
        ...connectionsOf(pool),
      }));
    },
    position: () => primaryPosition(kyselyOf(anonContext(), {})),
    destroy: ({ timeoutMillis = 10_000 } = {}) => {
      closing ??= Promise.all([feeds.close(), pool.close(timeoutMillis), replicas?.close(timeoutMillis)]).then(
        () => {},
      );
      return closing;
    },
  };
}

function connectionsOf({ options, open, idleCount, waiting }: ConnectionPool): Connections {
  return { max: options.max, open, idle: idleCount, waiting };
}

/** npm only warns of `engines`, and what is missing would fail in the middle of a statement. */
function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  throw new ConfigurationError(`Node 22.18 or newer is needed: this is ${process.versions.node}.`);
}

/** The repositories of each kind of session, which runs `kysely` under its role and claims. */
export const repositoriesOf = {
  user: (kysely: Kysely<DB>, userId: string): UserRepositories => ({
    ...userRepositories(kysely, userId, PamRepository),
    moderation: new ModerationRepository(kysely),
  }),
  anon: (kysely: Kysely<DB>): AnonRepositories => ({
    posts: new PostReader(kysely),
    profiles: new PublicProfileRepository(kysely),
  }),
  service: (kysely: Kysely<DB>): ServiceRepositories => ({
    accounts: new AccountRepository(kysely),
    feedback: new FeedbackReader(kysely),
    moderation: new ModerationRepository(kysely),
  }),
  onBehalf: (kysely: Kysely<DB>, userId: string): OnBehalfRepositories => ({
    ...userRepositories(kysely, userId, ServicePamRepository),
    posts: ownPostsOf(kysely, userId),
    profiles: ownProfileOf(kysely, userId),
  }),
};

function userRepositories<Pam>(kysely: Kysely<DB>, userId: string, Pam: new (db: Kysely<DB>, userId: string) => Pam) {
  return {
    profiles: new ProfileRepository(kysely, userId),
    trips: new TripRepository(kysely, userId),
    expenses: new ExpenseRepository(kysely, userId),
    income: new IncomeRepository(kysely, userId),
    budgets: new BudgetRepository(kysely, userId),
    places: new PlaceRepository(kysely, userId),
    posts: new PostRepository(kysely, userId),
    friends: new FriendRepository(kysely, userId),
    pam: new Pam(kysely, userId),
  };
}
