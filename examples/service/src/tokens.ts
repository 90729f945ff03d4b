import type { Claims } from '@wheelsandwins/db';
import { uuidSchema } from '@wheelsandwins/db/schemas';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { KeySettings } from './key_settings.ts';

/** The claims of a token that was found good, and until when it is. */
export type VerifiedToken = { readonly claims: Claims; readonly expiresAt: Date };

export type VerifyToken = (token: string) => Promise<VerifiedToken>;

/** The token is not one of ours, or not any more. */
export class TokenError extends Error {
  override name = 'TokenError';
}

/** The keys cannot be fetched: nothing is known of the token. */
export class KeysUnavailableError extends Error {
  override name = 'KeysUnavailableError';
}

/** What Supabase Auth writes into `aud` of a user's token. */
export const audience = 'authenticated';

/**
 * Makes what verifies the tokens of Supabase Auth. Each algorithm has its own kind of key, whatever the token's header
 * says: HS256 the secret, ES256 and RS256 the published keys. Another is refused, "none" among them.
 *
 * @returns a function that throws a `TokenError` or a `KeysUnavailableError`.
 */
export function tokenVerifier({ issuer, secret, jwksUrl }: KeySettings): VerifyToken {
  const published = jwksUrl && createRemoteJWKSet(jwksUrl);
  const algorithms = [...(secret ? ['HS256'] : []), ...(published ? ['ES256', 'RS256'] : [])];
  const keyOf: JWTVerifyGetKey = (header, token) => {
    const key = header.alg === 'HS256' ? secret : published?.(header, token);
    if (!key) throw new errors.JOSEAlgNotAllowed();
    return key;
  };
  const requiredClaims = ['sub', 'exp', 'role'];
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keyOf, { algorithms, issuer, audience, requiredClaims });
      if (!isTraveller(payload)) throw new TokenError('The token is not that of a user.');
      const expiresAt = new Date(1000 * (payload.exp ?? 0));
      if (Number.isNaN(expiresAt.getTime())) throw new TokenError('The token ends at no date.');
      return { claims: payload, expiresAt };
    } catch (error) {
      throw error instanceof TokenError ? error : refusal(error);
    }
  };
}

/** Such as the project's own keys, `anon` and `service_role`, are not. */
function isTraveller(payload: JWTPayload): payload is JWTPayload & Claims {
  return uuidSchema.safeParse(payload.sub).success && payload.role === 'authenticated';
}

/** These are about the fetching of keys; jose has no class for an answer that is not 200. */
const aboutKeys = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'];

function refusal(error: unknown): Error {
  if (!(error instanceof errors.JOSEError) || aboutKeys.includes(error.code)) {
    return new KeysUnavailableError('The keys that tokens are verified with cannot be fetched.');
  }
  if (error instanceof errors.JWTExpired) return new TokenError('The token has expired.');
  return new TokenError('The token is not valid here.');
}
