import { expect, test } from 'vitest';
import { readSettings } from '../src/settings.ts';
import { environmentOf } from './support/service.ts';

const maya = 'fa9e0e10-0375-4089-b4b4-ee44e1db9075';
const sam = 'fd090b5c-5288-4cde-aac0-7bbe5ff255ab';
const env = environmentOf('postgres://localhost/wheels');

test('The environment says everything', () => {
  expect(
    readSettings({ ...env, DEMO_TRAVELLERS: `Maya=${maya},Sam=${sam}`, PREPARED_STATEMENTS: 'false' }),
  ).toMatchObject({
    databaseUrl: 'postgres://localhost/wheels',
    changesDatabaseUrl: 'postgres://localhost/wheels',
    preparedStatements: false,
    travellers: new Map([
      ['Maya', maya],
      ['Sam', sam],
    ]),
  });
  expect(readSettings(env)).toMatchObject({ preparedStatements: true, travellers: undefined });
});

test.each([
  [{ DATABASE_URL: '' }, /^DATABASE_URL is not set/],
  [{ JWT_ISSUER: '' }, /^JWT_ISSUER is not set/],
  [{ JWT_SECRET: '' }, /^Set JWKS_URL/],
  [{ JWT_SECRET: 'short' }, /^JWT_SECRET is shorter than 32 bytes/],
  [{ JWKS_URL: 'nonsense' }, /^JWKS_URL is no URL/],
  [{ PORT: 'x' }, /^PORT must be/],
  [{ PREPARED_STATEMENTS: 'no' }, /^PREPARED_STATEMENTS must be/],
  [{ DEMO_TRAVELLERS: 'Maya' }, /^DEMO_TRAVELLERS must look like/],
  [{ DEMO_TRAVELLERS: 'Maya=1' }, /^DEMO_TRAVELLERS must look like/],
  [{ DEMO_TRAVELLERS: `Maya=${maya}`, NODE_ENV: 'production' }, /not with NODE_ENV=production/],
  [{ DEMO_TRAVELLERS: `Maya=${maya}`, JWT_SECRET: '', JWKS_URL: 'https://x.test' }, /needs JWT_SECRET/],
])('%j is refused, and what to do is said', (wrong, reason) => {
  expect(() => readSettings({ ...env, ...wrong })).toThrow(reason);
});
