import { expect, test } from 'vitest';
import { parseDocComment } from '../../src/reference/doc_comment.ts';
import { readSurface } from '../../src/reference/read_surface.ts';

const surface = readSurface();
const methods = surface.flatMap(({ name: owner, members }) =>
  members
    .filter(({ signature }) => /^\w+(<.*?>)?\(/s.test(signature))
    .map(({ name, doc }) => ({ name: `${owner}.${name}`, doc })),
);

test('every method says what it does, and shows it', () => {
  expect(methods.length).toBeGreaterThan(100);
  expect(methods.filter(({ doc }) => doc.text === '' || doc.examples.length === 0).map(({ name }) => name)).toEqual([]);
});

test('every class and function says what it is', () => {
  const main = surface.filter(({ kind }) => kind === 'class' || kind === 'function');
  expect(main.filter(({ doc }) => doc.text === '').map(({ name }) => name)).toEqual([]);
});

test('a doc comment is read as it stands', () => {
  const comment = `/**
   * Moves it, in
   * metres. @returns how far.
   *
   * @throws {NotFoundError} if there is none;
   *   \`CheckError\` if it is too far; others as \`update\`.
   * @example
   * import { createDatabase } from '@wheelsandwins/db';
   * await move({
   *   far: 1,
   * });
   */`;
  expect(parseDocComment(comment)).toEqual({
    text: 'Moves it, in\nmetres.\n\nReturns how far.',
    throws: ['`NotFoundError` if there is none', '`CheckError` if it is too far', 'Others as `update`'],
    examples: ["import { createDatabase } from '@wheelsandwins/db';\nawait move({\n  far: 1,\n});"],
  });
});
