/** By what tokens are known: the project's secret (HS256), its public keys (ES256, RS256), or both while it changes over. */
export type KeySettings = {
  readonly issuer: string;
  readonly secret: Uint8Array | undefined;
  readonly jwksUrl: URL | undefined;
};

/** @throws {Error} one line that names the variable and says what to set. */
export function readKeySettings({ JWT_ISSUER, JWT_SECRET, JWKS_URL }: NodeJS.ProcessEnv): KeySettings {
  if (!JWT_ISSUER) throw new Error('JWT_ISSUER is not set: set it to https://<project>.supabase.co/auth/v1.');
  if (!JWT_SECRET && !JWKS_URL) {
    throw new Error(`Set JWKS_URL to ${JWT_ISSUER}/.well-known/jwks.json, or JWT_SECRET to the project's secret.`);
  }
  const secret = JWT_SECRET ? new TextEncoder().encode(JWT_SECRET) : undefined;
  if (secret && secret.length < 32) throw new Error('JWT_SECRET is shorter than 32 bytes: HS256 needs as many.');
  if (JWKS_URL && !URL.canParse(JWKS_URL)) throw new Error('JWKS_URL is no URL.');
  return { issuer: JWT_ISSUER, secret, jwksUrl: JWKS_URL ? new URL(JWKS_URL) : undefined };
}
