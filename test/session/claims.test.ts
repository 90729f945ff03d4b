import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { anonContext, type Claims, onBehalfContext, serviceContext, userContext } from '../../src/session/claims.ts';
import { ValidationError } from '../../src/types/errors.ts';

const sub = '0b0e9b1e-6b0f-4c5e-8f2a-1d2c3b4a5f60';

describe('the context of a user', () => {
  test('has every claim, and the role authenticated', () => {
    const claims = { sub, email: 'alice@example.com', app_metadata: { plan: 'pro' } };
    expect(userContext(claims)).toEqual({ role: 'authenticated', claims: { ...claims, role: 'authenticated' } });
    expect(userContext({ sub, role: 'authenticated' }).role).toBe('authenticated');
    expect(userContext({ sub, role: undefined }).claims.role).toBe('authenticated');
  });

  test('does not follow later changes of the claims', () => {
    const claims: Claims = { sub };
    const context = userContext(claims);
    claims.sub = 'somebody else';
    expect(context.claims.sub).toBe(sub);
  });

  test.each([
    ['claims.sub', '{}'],
    ['claims.sub', '{"sub":"s3cret"}'],
    ['claims.sub', '{"sub":5}'],
    ['claims.role', `{"sub":"${sub}","role":"service_role"}`],
    ['claims.role', `{"sub":"${sub}","role":null}`],
    ['claims', `{"sub":"${sub}","name":"s3cret\\u0000"}`],
    ['claims', `["${sub}"]`],
    ['claims', 'null'],
    ['claims', '"s3cret"'],
  ])('is refused at %s for %s', (path, json) => {
    const claims: Claims = JSON.parse(json);
    try {
      userContext(claims);
    } catch (error) {
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toHaveProperty('issues', [{ path, reason: expect.any(String) }]);
      expect(inspect(error)).not.toMatch(/s3cret|service_role/);
      return;
    }
    expect.unreachable();
  });
});

test('anon and the service have their role in their claims', () => {
  expect(anonContext()).toEqual({ role: 'anon', claims: { role: 'anon' } });
  expect(serviceContext()).toEqual({ role: 'service_role', claims: { role: 'service_role' } });
  expect(onBehalfContext(sub)).toEqual({ role: 'service_role', claims: { role: 'service_role', sub } });
  for (const userId of ['x', '', undefined, null]) {
    expect(() => Reflect.apply(onBehalfContext, undefined, [userId])).toThrow(ValidationError);
  }
});
