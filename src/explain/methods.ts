import type { Kysely } from 'kysely';
import { repositoriesOf } from '../database.ts';
import { anonContext, onBehalfContext, type SessionContext, serviceContext, userContext } from '../session/claims.ts';
import type { DB } from '../types/database.ts';

/** A session of one kind: as whom it runs, and the repositories that it has. */
export type Caller = { readonly context: SessionContext; repositories(db: Kysely<DB>): object };

/**
 * Reads who calls: a user's id, `anon`, `service`, or `service:` and the id of the user on whose behalf.
 *
 * @throws {ValidationError} if the id is no uuid.
 */
export function callerOf(text: string): Caller {
  if (text === 'anon') return { context: anonContext(), repositories: repositoriesOf.anon };
  if (text === 'service') return { context: serviceContext(), repositories: repositoriesOf.service };
  if (!text.startsWith('service:')) {
    return { context: userContext({ sub: text }), repositories: (db) => repositoriesOf.user(db, text) };
  }
  const userId = text.slice('service:'.length);
  return { context: onBehalfContext(userId), repositories: (db) => repositoriesOf.onBehalf(db, userId) };
}

export type Method = (...inputs: unknown[]) => unknown;

/**
 * The methods of a session's repositories, as `trips.list`.
 *
 * @example
 * methodsOf(repositoriesOf.anon(db)).get('posts.feed');
 */
export function methodsOf(repositories: object): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (const [name, repository] of Object.entries(repositories)) {
    for (const method of namesOn(repository)) {
      const member: unknown = Reflect.get(repository, method);
      if (typeof member === 'function')
        methods.set(`${name}.${method}`, (...inputs) => member.apply(repository, inputs));
    }
  }
  return methods;
}

function namesOn(repository: object): string[] {
  const names = new Set<string>();
  for (let part = repository; part !== Object.prototype; part = Object.getPrototypeOf(part)) {
    for (const name of Object.getOwnPropertyNames(part)) names.add(name);
  }
  names.delete('constructor');
  return [...names];
}

/** At most five of the names, the nearest first: of the same method or repository, or with few letters changed. */
export function nearest(name: string, names: Iterable<string>): string[] {
  const [repository = '', method = ''] = name.toLowerCase().split('.');
  const rated = [...names].map((known) => {
    const [knownRepository = '', knownMethod = ''] = known.toLowerCase().split('.');
    return { known, distance: changes(repository, knownRepository) + changes(method, knownMethod) };
  });
  return rated
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 5)
    .map(({ known }) => known);
}

/** How many letters must be added, removed or replaced to make one word of the other. */
function changes(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (letter === to[at - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
