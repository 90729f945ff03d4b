import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DatabaseError, ValidationError } from '../../src/index.ts';
import { type Person, testSessions } from './sessions.ts';

const sessions = testSessions();

type Call = (...args: unknown[]) => unknown;

const said = { role: 'user' as const, content: 'x'.repeat(100_000) };
const tap = { name: 'Tap', kind: 'water' as const, location: { lat: 1, lng: 2 } };
const route = { distance: 1, duration: 1, geometry: 'x'.repeat(1_000_000) };

/** What a caller without types, or a body of JSON, may give instead of what is asked for. */
const junk: [string, unknown][] = [
  ['null', null],
  ['undefined', undefined],
  ['zero', 0],
  ['a bigint', 10n ** 30n],
  ['a boolean', true],
  ['a symbol', Symbol('x')],
  ['text', 'x'],
  ['a list', []],
  ['a list of null', [null]],
  ['an object of null', { limit: null, cursor: null, if_version: null, id: null }],
  ['an object without a prototype', Object.create(null)],
  ['a Date that is none', new Date(Number.NaN)],
  ['a function', () => 1],
];

const goodStarts = [() => [], () => [randomUUID()], () => [randomUUID(), { name: 'x' }]];

/** The repositories of a session, and their methods. */
function methodsOf(session: object): [string, Call][] {
  return Object.entries(session).flatMap(([name, repository]) => {
    if (name === 'kysely' || typeof repository !== 'object' || repository === null) return [];
    const methods = new Set<string>();
    for (let level: object = repository; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
      for (const method of Object.getOwnPropertyNames(level)) if (method !== 'constructor') methods.add(method);
    }
    return [...methods]
      .filter((method) => typeof Reflect.get(repository, method) === 'function' && method !== 'erase')
      .map((method): [string, Call] => [
        `${name}.${method}`,
        (...args) => Reflect.apply(Reflect.get(repository, method), repository, args),
      ]);
  });
}

async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    const result = call();
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) {
      for await (const _ of result as AsyncIterable<unknown>) break;
    } else await result;
  } catch (error) {
    return error;
  }
}

describe.each<[string, () => Promise<object>]>([
  ['a user', () => sessions.signUp()],
  ['a visitor', async () => sessions.database.asAnon()],
  ['the service', async () => sessions.database.asService()],
  ['the service for a user', async () => sessions.database.asService().onBehalfOf((await sessions.signUp()).id)],
])('of %s', (_, open) => {
  test('no method answers what is not of its form with an error that is not ours', { timeout: 120_000 }, async () => {
    const methods = methodsOf(await open());
    expect(methods.length).toBeGreaterThan(5);
    const foreign: string[] = [];
    for (const [method, call] of methods) {
      for (const [what, value] of junk) {
        for (const start of goodStarts) {
          const error = await errorOf(() => call(...start(), value));
          if (error !== undefined && !(error instanceof DatabaseError)) {
            foreign.push(
              `${method}(${start()
                .map(() => '…, ')
                .join('')}${what}): ${error}`,
            );
          }
        }
      }
    }
    expect(foreign).toEqual([]);
  });
});

test('options that are null are refused, not ignored', async () => {
  const { expenses, posts, trips } = await sessions.signUp();
  const none: unknown = null;
  const untyped = none as Record<string, never>;
  for (const call of [
    () => expenses.list(untyped),
    () => posts.byTag('van', untyped),
    () => posts.likes(randomUUID(), untyped),
    () => trips.list(untyped),
    () => trips.search('moab', untyped),
  ]) {
    await expect(call()).rejects.toThrow(ValidationError);
  }
});

test('an option that there is not is refused, not ignored', async () => {
  const { id, trips, posts, profiles, friends, transaction } = await sessions.signUp();
  const { database } = sessions;
  const misspelt: unknown = { readonly: true };
  const untyped = misspelt as Record<string, never>;
  for (const call of [
    async () => database.asUser({ sub: id }, untyped),
    async () => database.asAnon(untyped),
    async () => database.asService(untyped),
    async () => database.asService().onBehalfOf(id, untyped),
    () => transaction(async () => {}, untyped),
    () => trips.search('moab', untyped),
    () => posts.search('moab', untyped),
    () => posts.feed(untyped),
    () => posts.likes(randomUUID(), untyped),
    () => friends.blocked(untyped),
    () => profiles.activity(untyped),
    () => sessions.signUp(untyped),
  ]) {
    const error = await errorOf(call);
    expect(error, String(call)).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ issues: [{ path: 'readonly', reason: 'is not a known field' }] });
  }
});

describe('too many rows for one statement', () => {
  const repeat = <T>(count: number, row: T) => Array.from({ length: count }, () => row);

  test.each<[string, (alice: Person) => Promise<unknown>]>([
    ['trips', ({ trips }) => trips.createMany(repeat(10_001, { name: 'x' }))],
    ['posts', ({ posts }) => posts.createMany(repeat(10_001, { title: 'x', content: 'x' }))],
    ['income', ({ income }) => income.createMany(repeat(10_001, { amount: 1, source: 'x' }))],
    ['budgets', ({ budgets }) => budgets.createMany(repeat(10_001, { amount: 1, period: 'weekly' }))],
    ['places', ({ places }) => places.createMany(repeat(10_001, tap))],
    ['messages', ({ pam }) => pam.appendMessages(randomUUID(), repeat(10_001, { role: 'user', content: 'x' }))],
  ])('is refused before the database: %s', async (_, call) => {
    const error = await errorOf(async () => call(await sessions.signUp()));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toHaveProperty('message', expect.stringContaining('at most 10,000 entries'));
  });

  test.each<[string, (alice: Person) => Promise<unknown>]>([
    ['posts', ({ posts }) => posts.createMany(repeat(3300, { title: 'x', content: 'x'.repeat(20_000) }))],
    ['messages', ({ pam }) => pam.appendMessages(randomUUID(), repeat(700, said))],
    ['trips', ({ trips }) => trips.createMany(repeat(700, { name: 'x', route_data: route }))],
  ])('is refused by size: %s', { timeout: 60_000 }, async (_, call) => {
    const error = await errorOf(async () => call(await sessions.signUp()));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toHaveProperty('message', expect.stringContaining('at most 64 MB'));
  });
});
