import { ValidationError } from '../types/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../types/json.ts';
import { isUuid } from '../types/uuid.ts';

/** The payload of a JWT whose signature has been verified. `sub` is the user's id. */
export type Claims = { sub: string; role?: 'authenticated'; [claim: string]: JsonValue | undefined };

/** As whom statements run: the Postgres role, and the claims that `auth.uid()` and `auth.jwt()` read there. */
export type SessionContext = {
  readonly role: 'anon' | 'authenticated' | 'service_role';
  readonly claims: JsonObject;
};

/**
 * The context of a signed-in user.
 *
 * @throws {ValidationError} unless the claims are a plain JSON object whose `sub` is a uuid and whose `role`, if it has
 * one, is `authenticated`.
 * @example
 * userContext({ sub: '3f0c8f0e-…' }); // { role: 'authenticated', claims: { sub: '3f0c8f0e-…', role: 'authenticated' } }
 */
export function userContext(claims: Claims): SessionContext {
  if (!isJsonObject(claims)) refuse('claims', 'must be a plain JSON object');
  if (!isUuid(claims.sub)) refuse('claims.sub', 'must be a uuid');
  if (claims.role !== undefined && claims.role !== 'authenticated') refuse('claims.role', 'must be "authenticated"');
  return { role: 'authenticated', claims: { ...claims, role: 'authenticated' } };
}

/** The context of somebody who is not signed in. */
export function anonContext(): SessionContext {
  return { role: 'anon', claims: { role: 'anon' } };
}

/** The context of the service itself, which bypasses RLS. */
export function serviceContext(): SessionContext {
  return { role: 'service_role', claims: { role: 'service_role' } };
}

/**
 * The context of the service acting for one user, whom `auth.uid()` then is.
 *
 * @throws {ValidationError} unless `userId` is a uuid.
 */
export function onBehalfContext(userId: string): SessionContext {
  if (!isUuid(userId)) refuse('userId', 'must be a uuid');
  return { role: 'service_role', claims: { role: 'service_role', sub: userId } };
}

function refuse(path: string, reason: string): never {
  throw new ValidationError([{ path, reason }]);
}
