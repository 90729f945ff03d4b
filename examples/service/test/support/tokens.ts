import { type JWTPayload, SignJWT } from 'jose';

export const issuer = 'https://project.supabase.test/auth/v1';
export const secret = 'a secret of the tests that is long enough for HS256';

/** What Supabase Auth writes into a user's token. */
export function claimsOf(sub: string): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: 'authenticated',
    role: 'authenticated',
    sub,
    email: 'secret.address@example.com',
    session_id: '1fb3c1a2-5c2e-4d0e-9a34-0f3f0f2f9a11',
    is_anonymous: false,
    app_metadata: { provider: 'email', providers: ['email'] },
    user_metadata: {},
    iat: now,
    exp: now + 3600,
  };
}

/** A token signed with the project's secret. */
export async function tokenOf(sub: string, claims: JWTPayload = {}): Promise<string> {
  const key = new TextEncoder().encode(secret);
  return await new SignJWT({ ...claimsOf(sub), ...claims }).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(key);
}
