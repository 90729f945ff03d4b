import { DatabaseError as PostgresError } from 'pg';
import type { Limits } from './limits.ts';
import type { Server } from './server.ts';

/** How the values of a column are shown; all but `text` and `flag` are numbers in that unit. */
export type Format = 'text' | 'flag' | 'count' | 'bytes' | 'seconds' | 'milliseconds' | 'percent';

export type Columns = Readonly<Record<string, Format>>;

type Value<F extends Format> = (F extends 'text' ? string : F extends 'flag' ? boolean : number) | null;

export type RowOf<C extends Columns> = { readonly [Column in keyof C]: Value<C[Column]> };

export type Row = RowOf<Columns>;

/** A limit by its name on the command line; what is above it is a finding. */
export type Threshold = {
  readonly name: string;
  readonly max: number;
  /** What is counted or measured, after the number: "seconds". */
  readonly unit: string;
  readonly because: string;
};

export type Severity = 'critical' | 'warning';

export type Finding = {
  readonly question: string;
  readonly severity: Severity;
  /** One sentence, which names what it is about. */
  readonly what: string;
  readonly advice: string;
  /** The title of a section of the Postgres manual. */
  readonly manual: string;
  readonly threshold: string;
  readonly value: number;
  readonly max: number;
};

/** `rows` are at most a hundred, the worst first. */
export type Answer =
  | { readonly rows: readonly Row[]; readonly note: string | undefined; readonly findings: readonly Finding[] }
  | { readonly unanswered: string };

export type Question = {
  readonly name: string;
  /** One sentence for people. */
  readonly asks: string;
  readonly columns: Columns;
  readonly thresholds: readonly Threshold[];
  /** @throws the error of a server that is not to be reached; what it cannot or may not answer is an answer. */
  ask(server: Server, limits: Limits): Promise<Answer>;
};

/** Judges each row by what it measures, or all rows by how many there are of a kind. */
type Rule<R> = Threshold & {
  readonly severity: Severity;
  readonly what: (row: R) => string;
  readonly advice: string;
  readonly manual: string;
} & ({ readonly measure: (row: R) => number | null } | { readonly counts: (row: R) => boolean });

type Definition<C extends Columns> = {
  readonly name: string;
  readonly asks: string;
  readonly columns: C;
  readonly rows: (server: Server) => Promise<RowOf<C>[]>;
  /** What the rows leave out, if anything. */
  readonly note?: (server: Server) => string | undefined;
  readonly rules?: readonly Rule<RowOf<C>>[];
};

/** The server cannot answer; the message says why and what to do. */
export class Unanswerable extends Error {
  override name = 'Unanswerable';
}

export function question<const C extends Columns>({ rows, note, rules = [], ...rest }: Definition<C>): Question {
  return {
    ...rest,
    thresholds: rules,
    async ask(server, limits) {
      try {
        const found = await rows(server);
        return {
          rows: found,
          note: note?.(server),
          findings: rules.flatMap((rule) => judge(rest.name, rule, found, limits)),
        };
      } catch (error) {
        return { unanswered: reasonOf(error) };
      }
    },
  };
}

function judge<R>(name: string, rule: Rule<R>, rows: readonly R[], limits: Limits): Finding[] {
  const max = limits.get(rule.name) ?? rule.max;
  const { severity, advice, manual, name: threshold } = rule;
  const finding = (row: R, value: number): Finding => ({
    question: name,
    severity,
    what: rule.what(row),
    advice,
    manual,
    threshold,
    value,
    max,
  });
  if ('counts' in rule) {
    const counted = rows.filter(rule.counts);
    return counted.length > max ? counted.map((row) => finding(row, counted.length)) : [];
  }
  return rows.flatMap((row) => {
    const value = rule.measure(row);
    return value !== null && value > max ? [finding(row, value)] : [];
  });
}

/** @throws the error itself if it says nothing about the question. */
function reasonOf(error: unknown): string {
  if (error instanceof Unanswerable) return error.message;
  const reason = error instanceof PostgresError && error.code !== undefined ? reasons[error.code] : undefined;
  if (reason === undefined) throw error;
  return reason;
}

const reasons: Readonly<Record<string, string>> = {
  '42501': 'This role may not read it: connect as another one, or grant it pg_monitor.',
  '55P03': 'A table is locked: ask again, or see wheels-db inspect blocking.',
  '57014': 'The server took longer than 30 s: ask again when it has less to do.',
};
