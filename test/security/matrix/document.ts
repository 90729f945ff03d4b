import { functions, hidden, relations, sequences } from '../../../src/access/access.ts';
import { wordsOf } from '../../../src/access/grid.ts';

const introduction = `# Who may do what

Made of the tables in \`src/access/access.ts\` by its test (with \`--update\`), which tries each cell on a
database, as SQL under the role and through the library, and fails where a table, view, function or group of columns has
no cell.

| cell      | means                                                                    |
| --------- | ------------------------------------------------------------------------ |
| \`yes\`     | the row is found or written                                              |
| \`none\`    | no row and no error, as for a row that does not exist                    |
| \`missing\` | an error, the same as for a row that does not exist                      |
| \`refused\` | an error that says so (42501): by a grant, a policy or a function        |
| \`never\`   | an error for everybody, the tables' owner, too: these views take no rows |

| person      | is                                                    |
| ----------- | ----------------------------------------------------- |
| \`anon\`      | a visitor who is not signed in                        |
| \`owner\`     | the user whose rows they are                          |
| \`friend\`    | a user whose friend request the owner has accepted    |
| \`blocked\`   | a user whom the owner blocks                          |
| \`stranger\`  | any other user                                        |
| \`suspended\` | an owner, too, of rows of their own, but suspended    |
| \`moderator\` | a user with this role, who is a stranger to the owner |
| \`admin\`     | the same with this role                               |
| \`service\`   | the role \`service_role\`, on behalf of nobody          |

A line names an operation, then the columns that are written, then the rows, by the names above its table. What it does not
name is all of them; each column and each row is tried by itself. An insert is in the owner's name.`;

const aboutFunctions = `After the name stands whose row or which post it is about, as above. The other person is the
owner (for an owner, a friend); for \`unblock_user\` and the lists of blocks whoever is blocked; requests are from and to
people with whom everybody has one open. The functions that look for posts find a moderator no more than any user, and the
service no more than a visitor.`;

/** The text of docs/access.md. */
export function accessDocument(): string {
  const sections = Object.entries(relations).map(([name, { columns, rows, access }]) => {
    const legend = [
      ...Object.entries(rows).map(([kind, row]) => `- rows, ${kind}: ${row}`),
      ...Object.entries(columns).map(([group, names]) => `- columns, ${group}: \`${wordsOf(names).join('`, `')}\``),
    ];
    return `## ${name}\n\n${legend.join('\n')}\n\n${fenced(access)}`;
  });
  const others = [
    `## Functions\n\n${aboutFunctions}\n\n${fenced(functions)}`,
    `## Sequences\n\n${fenced(sequences)}`,
    `## Whatever is in the schema private\n\n${fenced(hidden)}`,
  ];
  return `${[introduction, ...sections, ...others].join('\n\n')}\n`;
}

/** A table without the indentation that it has in TypeScript. */
function fenced(table: string): string {
  return `\`\`\`text${table.replaceAll('\n  ', '\n')}\n\`\`\``;
}
