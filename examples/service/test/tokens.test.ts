import { createHmac, createPublicKey, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeysUnavailableError, TokenError, tokenVerifier, type VerifyToken } from '../src/tokens.ts';
import { type KeyServer, startKeyServer } from './support/key_server.ts';
import { clientOf, testService } from './support/service.ts';
import { claimsOf, issuer, secret, tokenOf } from './support/tokens.ts';

const service = testService();
const key = new TextEncoder().encode(secret);
const alice = randomUUID();

/** A token whose header and payload are what they are, signed by `sign`. */
function forged(header: object, payload: object, sign: (content: string) => string): string {
  const content = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${content}.${sign(content)}`;
}

const hmac =
  (secretKey: string | Uint8Array, hash = 'sha256') =>
  (content: string) =>
    createHmac(hash, secretKey).update(content).digest('base64url');

describe('the project’s secret', () => {
  const verify = tokenVerifier({ issuer, secret: key, jwksUrl: undefined });

  test('gives the claims of a good token and when it ends', async () => {
    const { claims, expiresAt } = await verify(await tokenOf(alice));
    expect(claims).toMatchObject({ sub: alice, role: 'authenticated', session_id: claimsOf(alice).session_id });
    expect(expiresAt.getTime()).toBe(1000 * Number(claims.exp));
  });

  const hour = 3600;
  const now = Math.floor(Date.now() / 1000);
  test.each<[string, JWTPayload]>([
    ['has expired', { exp: now - 1 }],
    ['never expires', { exp: undefined }],
    ['expires after all that a date can be', { exp: 1e300 }],
    ['is not valid yet', { nbf: now + hour }],
    ['is for another audience', { aud: 'another' }],
    ['is for no audience', { aud: undefined }],
    ['is another project’s', { iss: 'https://another.supabase.test/auth/v1' }],
    ['says not whose it is', { iss: undefined }],
    ['is nobody’s', { sub: undefined }],
    ['has a subject that is no id', { sub: 'alice' }],
    ['is the project’s service key', { role: 'service_role' }],
    ['is the project’s public key', { role: 'anon' }],
    ['has no role', { role: undefined }],
    ['has a role of Postgres', { role: 'postgres' }],
  ])('refuses a token that %s', async (_, claims) => {
    await expect(verify(await tokenOf(alice, claims))).rejects.toThrow(TokenError);
  });

  const good = claimsOf(alice);
  const typ = 'JWT';
  test.each<[string, string]>([
    ['is not signed', forged({ alg: 'none', typ }, good, () => '')],
    ['is not signed and spells it otherwise', forged({ alg: 'nOnE', typ }, good, () => '')],
    ['is signed with another secret', forged({ alg: 'HS256', typ }, good, hmac(`${secret}!`))],
    ['is signed with nothing', forged({ alg: 'HS256', typ }, good, hmac(''))],
    ['has lost its signature', forged({ alg: 'HS256', typ }, good, () => '')],
    ['says another algorithm than it has', forged({ alg: 'HS512', typ }, good, hmac(secret))],
    ['has another algorithm', forged({ alg: 'HS512', typ }, good, hmac(secret, 'sha512'))],
    ['says that it is asymmetric', forged({ alg: 'ES256', typ }, good, hmac(secret))],
    ['asks for what nobody knows', forged({ alg: 'HS256', typ, crit: ['x'], x: 1 }, good, hmac(secret))],
    ['is no token', 'nonsense'],
    ['is empty', ''],
    ['has five parts', 'a.b.c.d.e'],
  ])('refuses a token that %s', async (_, token) => {
    await expect(verify(token)).rejects.toThrow(TokenError);
  });

  test('refuses a token whose payload was changed', async () => {
    const [header, , signature] = (await tokenOf(alice)).split('.');
    const payload = Buffer.from(JSON.stringify(claimsOf(randomUUID()))).toString('base64url');
    await expect(verify(`${header}.${payload}.${signature}`)).rejects.toThrow(TokenError);
  });
});

describe.each(['ES256', 'RS256'])('published keys of %s', (alg) => {
  let keys: KeyServer;
  let verify: VerifyToken;
  let privateKey: CryptoKey;
  let publicPem: string;
  const signed = async (claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}, by = privateKey) =>
    await new SignJWT({ ...claimsOf(alice), ...claims })
      .setProtectedHeader({ alg, kid: 'current', typ: 'JWT', ...header })
      .sign(by);

  beforeAll(async () => {
    const pair = await generateKeyPair(alg, { extractable: true });
    privateKey = pair.privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), alg, use: 'sig', kid: 'current' };
    publicPem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
    keys = await startKeyServer([jwk]);
    verify = tokenVerifier({ issuer, secret: undefined, jwksUrl: new URL(keys.url) });
  });

  afterAll(() => keys.stop());

  test('give the claims of a good token', async () => {
    expect((await verify(await signed())).claims).toMatchObject({ sub: alice });
  });

  test('refuse what is expired, another audience’s or another project’s', async () => {
    for (const claims of [{ exp: 1 }, { aud: 'another' }, { iss: 'https://another.test' }, { role: 'service_role' }]) {
      await expect(verify(await signed(claims))).rejects.toThrow(TokenError);
    }
  });

  test('refuse a token that takes the public key for a secret', async () => {
    for (const pem of [publicPem, publicPem.trim()]) {
      const token = forged({ alg: 'HS256', typ: 'JWT', kid: 'current' }, claimsOf(alice), hmac(pem));
      await expect(verify(token)).rejects.toThrow(TokenError);
    }
    const both = tokenVerifier({ issuer, secret: key, jwksUrl: new URL(keys.url) });
    const token = forged({ alg: 'HS256', typ: 'JWT', kid: 'current' }, claimsOf(alice), hmac(publicPem));
    await expect(both(token)).rejects.toThrow(TokenError);
    expect((await both(await tokenOf(alice))).claims.sub).toBe(alice);
    expect((await both(await signed())).claims.sub).toBe(alice);
  });

  test('refuse a token that brings its own key', async () => {
    const attacker = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(attacker.publicKey);
    for (const header of [
      { jwk },
      { jku: 'https://attacker.test/jwks.json' },
      { x5u: 'https://attacker.test' },
      { kid: 'other' },
      { kid: '../current' },
    ]) {
      await expect(verify(await signed({}, header, attacker.privateKey))).rejects.toThrow(TokenError);
    }
  });

  test('are said to be unavailable when they cannot be fetched, and then nothing is refused for good', async () => {
    const later = tokenVerifier({ issuer, secret: undefined, jwksUrl: new URL(keys.url) });
    keys.answers = false;
    await expect(later(await signed())).rejects.toThrow(KeysUnavailableError);
    keys.answers = true;
    expect((await later(await signed())).claims.sub).toBe(alice);
  });
});

describe('over HTTP', () => {
  const paths = ['/api/trips', '/api/expenses', '/api/expenses/totals', '/api/conversations', '/api/changes'];

  test.each(paths)('%s is for travellers', async (path) => {
    const response = await service.visitor().get(path);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  test.each(['Basic YTpi', 'Bearer', 'Bearer a b', 'nonsense'])('"%s" is refused', async (authorization) => {
    const response = await fetch(new URL('/api/trips', service.url), { headers: { authorization } });
    expect(response.status).toBe(401);
  });

  test('a token is not taken from an address', async () => {
    const { token } = await service.traveller();
    expect((await service.visitor().get(`/api/trips?access_token=${token}&token=${token}`)).status).toBe(401);
  });

  test('says why, and nothing of the token', async () => {
    const client = clientOf(service.url, alice, await tokenOf(alice, { exp: 1 }));
    const response = await client.get('/api/trips');
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'The token has expired.',
    });
  });

  test('nobody signs in as a demonstration where it is not switched on', async () => {
    expect((await service.visitor().get('/demo/travellers')).status).toBe(404);
    expect((await service.visitor().request('POST', '/demo/travellers/Maya/token')).status).toBe(404);
  });
});
