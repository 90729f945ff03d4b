import { Hono } from 'hono';
import { SignJWT } from 'jose';
import type { KeySettings } from '../key_settings.ts';
import { Refusal } from '../problems.ts';
import { audience } from '../tokens.ts';
import type { Travellers } from '../travellers.ts';

/** Lets anybody in as one of the travellers: what Supabase Auth is for. */
export function demo(travellers: Travellers, { issuer, secret }: KeySettings) {
  return new Hono()
    .get('/travellers', (c) => c.json({ names: Array.from(travellers.keys()) }))
    .post('/travellers/:name/token', async (c) => {
      const id = travellers.get(c.req.param('name'));
      if (id === undefined || secret === undefined) throw new Refusal(404, 'There is no such traveller.');
      const token = await new SignJWT({ role: 'authenticated' })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(id)
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime('1h')
        .sign(secret);
      return c.json({ token });
    });
}
