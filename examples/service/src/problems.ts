import {
  CancelledError,
  ChangesLostError,
  CheckError,
  ConflictError,
  ConnectionError,
  DatabaseError,
  ForeignKeyError,
  NotFoundError,
  NotNullError,
  PermissionError,
  SerializationError,
  TimeoutError,
  UniqueError,
  ValidationError,
  type ValidationIssue,
} from '@wheelsandwins/db';
import { KeysUnavailableError, TokenError } from './tokens.ts';

/** Says what is wrong with a request, in the service's own words. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a client is told of an error (RFC 9457). */
export type Problem = {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** Names the error for programs: `CONFLICT`, a SQLSTATE … */
  readonly code?: string;
  /** The rule of the database that was broken, such as `trips_dates_check`. */
  readonly constraint?: string;
  readonly issues?: readonly ValidationIssue[];
};

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const statuses: [new (...args: never[]) => Error, number][] = [
  [ValidationError, 422],
  [CheckError, 422],
  [ForeignKeyError, 422],
  [NotNullError, 422],
  [NotFoundError, 404],
  [PermissionError, 403],
  [ConflictError, 409],
  [UniqueError, 409],
  [SerializationError, 503],
  [TimeoutError, 503],
  [ConnectionError, 503],
  [CancelledError, 503],
  [ChangesLostError, 503],
  [KeysUnavailableError, 503],
  [TokenError, 401],
];

/** The problem that an error is for the client. What nobody foresaw is a 500 that says nothing. */
export function problemOf(error: unknown): Problem {
  const status = error instanceof Refusal ? error.status : statusOf(error);
  const problem = { type: 'about:blank', title: titles[status] ?? 'Error', status } as const;
  if (status === 500 || !(error instanceof Error)) return problem;
  return {
    ...problem,
    detail: error.message,
    ...(error instanceof DatabaseError && { code: error.code }),
    ...(error instanceof DatabaseError && error.constraint && { constraint: error.constraint }),
    ...(error instanceof ValidationError && { issues: error.issues }),
  };
}

function statusOf(error: unknown): number {
  return statuses.find(([kind]) => error instanceof kind)?.[1] ?? 500;
}

/** The answer to a request that failed. */
export function problemResponse(error: unknown): Response {
  const problem = problemOf(error);
  const headers = new Headers({ 'content-type': 'application/problem+json' });
  if (problem.status === 401) headers.set('www-authenticate', 'Bearer');
  if (problem.status === 503) headers.set('retry-after', '1');
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
