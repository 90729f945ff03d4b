import { type RawBuilder, sql } from 'kysely';
import { type Bound, type Database, DatabaseError, type Session, type UserRepositories } from '../../src/index.ts';
import { type Attempt, type Ledger, type Table, tables } from './ledger.ts';
import type { Random } from './random.ts';

/** A user, and the conversation that everybody has. */
export type Person = { readonly id: string; readonly conversation: string };

/** A session, or what the function of its transaction is given. */
export type On = Bound<UserRepositories>;

/** As whom a statement ran, as it saw it itself, and what it saw that others had left. */
export type Identity = { role: string; uid: string | null; visit: string | null; timeout: string; traces: string };

/** What a statement says of the session that it runs in. */
export const seenBy: RawBuilder<Identity> = sql<Identity>`jsonb_build_object(
  'role', current_user,
  'uid', auth.uid(),
  'visit', auth.jwt() ->> 'visit',
  'timeout', current_setting('statement_timeout'),
  'traces', concat_ws(' and ',
    nullif(current_setting('soak.trace', true), ''),
    case when pg_my_temp_schema() <> 0 then 'temporary tables' end,
    (select min(name) from pg_prepared_statements where from_sql)
  )
)`;

/** What the sessions' own limit looks like on the server. */
export const statementTimeoutMillis = 7000;
const timeout = '7s';

/** What is known of a row that somebody reads: whose it is, and whose it says it is. */
export type Owned = { user_id: string; mark: string | null };

/** Something that must not be. It is in the findings already. */
export class Violation extends Error {}

/** Thrown inside of transactions to undo them. */
export class Undo extends Error {}

/** For the error of a promise that may end with an `Undo`. */
export function ignoreUndo(error: unknown): void {
  if (!(error instanceof Undo)) throw error;
}

/** Rows that must be among those of an unfiltered read, though more may be. */
export type Known = (table: Table) => readonly string[];

export type Conditions = {
  readonly isBehindPooler: boolean;
  /** Whether connections are lost and statements cancelled that the test's own signals have nothing to do with. */
  readonly isStormy: boolean;
};

/** One person's session for a few actions, under claims that no other session has. */
export class Visit {
  readonly me: Person;
  readonly others: readonly Person[];
  readonly session: Session<UserRepositories>;
  readonly database: Database;
  readonly conditions: Conditions;
  readonly signal: AbortSignal | undefined;
  readonly random: Random;
  readonly ledger: Ledger;
  /** What is being done, for the findings. */
  action = '';
  readonly #name: string;
  readonly #report: (finding: string) => void;

  constructor({
    random,
    ...given
  }: Pick<Visit, 'database' | 'conditions' | 'signal' | 'random' | 'ledger'> & {
    people: readonly Person[];
    name: string;
    report: (finding: string) => void;
  }) {
    this.random = random;
    this.me = random.pick(given.people);
    this.others = given.people.filter((person) => person !== this.me);
    this.database = given.database;
    this.conditions = given.conditions;
    this.signal = given.signal;
    this.ledger = given.ledger;
    this.#name = given.name;
    this.#report = given.report;
    this.session = this.open(this.signal);
  }

  /** The same session with a signal of its own. */
  open(signal: AbortSignal | undefined): Session<UserRepositories> {
    return this.database.asUser({ sub: this.me.id, visit: this.#name }, { signal });
  }

  get isAborted(): boolean {
    return this.signal?.aborted === true;
  }

  /** What is known now to be there; in a transaction, with what it has written itself. */
  known(attempt?: Attempt): Known {
    const before = new Map(tables.map((table) => [table, this.ledger.certain(table, this.me.id).map(({ id }) => id)]));
    return (table) => [
      ...(before.get(table) ?? []).filter((id) => this.ledger.isCertain(id)),
      ...(attempt?.inserted(table) ?? []),
    ];
  }

  check(isTrue: boolean, finding: string): asserts isTrue {
    if (isTrue) return;
    this.#report(`${this.action} in ${this.#name} of ${this.me.id}: ${finding}`);
    throw new Violation(finding);
  }

  checkIdentity(
    seen: Identity | undefined,
    { role = 'authenticated', uid = this.me.id as string | null, visit = this.#name as string | null } = {},
  ): void {
    const expected = inOrder({ role, uid, visit, timeout, traces: '' });
    const actual = seen && inOrder(seen);
    this.check(actual === expected, `a statement ran as ${actual}, not as ${expected}`);
  }

  /** A row that this person may see: their own, or somebody's public post; with its owner's mark. */
  checkVisible(row: Owned & { visibility?: string | null }): void {
    this.check(row.user_id === this.me.id || row.visibility === 'public', `a row of ${row.user_id} is visible`);
    this.check(row.mark === row.user_id, `a row of ${row.user_id} has the mark of ${row.mark}`);
  }

  checkOwn(row: Owned): void {
    this.checkVisible({ ...row, visibility: 'private' });
  }

  checkComplete(table: Table, rows: readonly { id: string }[], known: Known): void {
    const ids = new Set(rows.map(({ id }) => id));
    const missing = known(table).filter((id) => !ids.has(id));
    this.check(missing.length === 0, `of ${rows.length} ${table} these are missing: ${missing.slice(0, 3).join(', ')}`);
  }

  /** The promise must fail with an error of such a class or SQLSTATE; whatever else happens is thrown on. */
  async expectError(
    expected: string | (abstract new (...parameters: never[]) => DatabaseError),
    promise: Promise<unknown>,
  ): Promise<void> {
    let result: unknown;
    try {
      result = await promise;
    } catch (error) {
      const isExpected =
        typeof expected === 'string'
          ? error instanceof DatabaseError && error.code === expected
          : error instanceof expected;
      if (isExpected) return;
      throw error;
    }
    const name = typeof expected === 'string' ? expected : expected.name;
    this.check(false, `${name} was expected, and not ${JSON.stringify(result)?.slice(0, 300)}`);
  }
}

const inOrder = ({ role, uid, visit, timeout, traces }: Identity) =>
  JSON.stringify({ role, uid, visit, timeout, traces });
