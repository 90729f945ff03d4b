import type { Database, Session, UserRepositories } from '@wheelsandwins/db';
import { createMiddleware } from 'hono/factory';
import { TokenError, type VerifiedToken, type VerifyToken } from './tokens.ts';

/** What routes for travellers are given. */
export type SignedIn = {
  Variables: {
    /** The traveller's session, for this request: it ends when the client hangs up. */
    traveller: Session<UserRepositories>;
    token: VerifiedToken;
  };
};

/** Lets travellers in, each with a session of their own. Others get a 401. */
export function signedIn(database: Database, verify: VerifyToken) {
  return createMiddleware<SignedIn>(async (c, next) => {
    const token = await tokenOf(c.req.header('authorization'), verify);
    if (!token) throw new TokenError('Sign in: send a token as Authorization: Bearer.');
    c.set('token', token);
    c.set('traveller', database.asUser(token.claims, { signal: c.req.raw.signal }));
    await next();
  });
}

/** The token of the header, or undefined if there is none. @throws {TokenError} if it is not good. */
export async function tokenOf(header: string | undefined, verify: VerifyToken): Promise<VerifiedToken | undefined> {
  if (header === undefined) return undefined;
  const [, token] = /^Bearer +(\S+)$/i.exec(header) ?? [];
  if (token === undefined) throw new TokenError('The header Authorization is malformed: send Bearer and a token.');
  return await verify(token);
}
