import { DatabaseError as PostgresError } from 'pg';
import { PermissionError } from '../types/errors.ts';

/** Postgres refused because a role has not the right to it. The message names objects, never values. */
export function isLackOfRight(error: unknown): error is PostgresError {
  return error instanceof PostgresError && error.code === '42501';
}

/**
 * Says which role lacks what, and what to do.
 *
 * @param role the one that logs in
 * @param what a sentence without its end, as Postgres says it: `permission denied for table trips`
 */
export function lackingRight(role: string | undefined, what: string): PermissionError {
  const who = role === undefined ? 'The role of the connection string' : `The role "${role}"`;
  return new PermissionError(
    `${who} lacks a right: ${what}. Use the connection string of the role that owns the tables, or have the right granted.`,
    { code: '42501' },
  );
}
