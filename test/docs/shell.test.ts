import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { blocks, pages, proseOf } from './pages.ts';
import { commandsOf, complaints } from './shell_commands.ts';

test.each(blocks('sh'))('$place names commands that there are', ({ code }) => {
  expect(commandsOf(code).flatMap((words) => complaints(words))).toEqual([]);
});

test.each(pages)('the commands in the text of %s are there', (page) => {
  // `[--pitr]` may be left out, `<id>` stands for something.
  const spans = [...proseOf(page).matchAll(/`((?:wheels-db|npm|npx) [^`]+)`/g)].map(([, span = '']) =>
    span.replace(/\s+/g, ' ').replace(/[[\]<>]/g, ''),
  );
  expect(spans.flatMap(commandsOf).flatMap((words) => complaints(words, dirname(page)))).toEqual([]);
});

test('what is not there is named', () => {
  const script = `npm ci && npm run nothing # of it
wheels-db backup "$BACKUPS" --fast | wheels-db drill one two
DATABASE_URL=x npx kysely migrate:latest --force; npm run -s schema:check -- --dead`;
  expect(commandsOf(script).flatMap((words) => complaints(words))).toEqual([
    'package.json has no script nothing',
    'wheels-db backup does not know --fast',
    'wheels-db drill takes at most 1 arguments',
    'kysely migrate:latest does not know --force',
    'npm run schema:check does not know --dead',
  ]);
});
