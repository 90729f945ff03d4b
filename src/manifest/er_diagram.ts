import type { ManifestEntry } from './read_manifest.ts';

/** The tables of each diagram; what they refer to elsewhere is there by its name alone. */
const groups = {
  People: ['profiles', 'public_profiles', 'friendships', 'blocks'],
  'Trips and money': ['trips', 'expenses', 'income_entries', 'budgets', 'places'],
  Community: ['posts', 'post_locations', 'post_likes', 'post_comments'],
  PAM: ['pam_conversations', 'pam_messages', 'pam_feedback'],
} as const;

type Column = { name: string; type: string; isNullable: boolean };
type Reference = { columns: readonly string[]; to: string };
type Table = { name: string; columns: Column[]; primary: string[]; uniques: string[][]; references: Reference[] };

/**
 * The page `docs/er.md`: the tables of a schema, their keys and relations, in diagrams of Mermaid.
 *
 * @throws {Error} if a table is in no group.
 */
export function diagramPage(manifest: readonly ManifestEntry[]): string {
  const tables = manifest.flatMap(({ object, lines }) => {
    const [, schema, name] = /^table (\w+)\.(\w+)$/.exec(object) ?? [];
    return name && schema !== 'auth' ? [tableOf(name, lines)] : [];
  });
  const grouped: string[] = Object.values(groups).flat();
  for (const { name } of tables) {
    if (!grouped.includes(name))
      throw new Error(`The table ${name} is in no diagram: add it in src/manifest/er_diagram.ts.`);
  }
  const diagrams = Object.entries(groups).map(([title, names]) => {
    const shown = tables.filter(({ name }) => names.some((each) => each === name));
    return `## ${title}\n\n\`\`\`mermaid\n${diagram(shown)}\n\`\`\``;
  });
  return `${[preface, ...diagrams].join('\n\n')}\n`;
}

const preface = `# The tables in diagrams

<!-- Written by \`npm run schema:manifest\` from the migrated schema; \`npm run schema:check\` compares. -->

\`PK\` is the primary key, \`FK\` a part of a foreign key, \`UK\` of another unique key; \`null\` may be NULL. A line is a foreign key,
named by its columns: those that begin with \`user_id\` keep a row and what it refers to in one person's hands.
[The schema](schema.md) tells what the tables are for.`;

function tableOf(name: string, lines: readonly string[]): Table {
  const table: Table = { name, columns: [], primary: [], uniques: [], references: [] };
  for (const line of lines) {
    const [, column, rest = ''] = /^column (\w+) (.*)$/.exec(line) ?? [];
    if (column) table.columns.push({ name: column, type: typeOf(rest), isNullable: !rest.includes(' not null') });
    const [, kind, columns = '', to] =
      /^constraint \w+ (PRIMARY KEY|UNIQUE|FOREIGN KEY) \(([^)]*)\)(?: REFERENCES (?:public\.|private\.)?([\w.]+))?/.exec(
        line,
      ) ?? [];
    const names = columns.split(', ');
    if (kind === 'PRIMARY KEY') table.primary = names;
    if (kind === 'UNIQUE') table.uniques.push(names);
    if (kind === 'FOREIGN KEY' && to) table.references.push({ columns: names, to: to.replace('.', '_') });
  }
  return table;
}

/** A word, which is all that Mermaid takes. */
function typeOf(declaration: string): string {
  const type = declaration.replace(/ (not null|default|stored)\b.*$/, '').replace(/^public\./, '');
  return type
    .replace('timestamp with time zone', 'timestamptz')
    .replace('double precision', 'float8')
    .replace('character varying', 'varchar')
    .replaceAll(' ', '_');
}

function diagram(tables: readonly Table[]): string {
  const relations = tables.flatMap((table) => table.references.map((reference) => relation(table, reference)));
  return ['erDiagram', ...relations.map((line) => `  ${line}`), ...tables.map(entity)].join('\n');
}

function relation(table: Table, { columns, to }: Reference): string {
  const isOptional = columns.some((name) => table.columns.find((column) => column.name === name)?.isNullable);
  const isOne = [table.primary, ...table.uniques].some((key) => key.every((name) => columns.includes(name)));
  return `${to} ${isOptional ? '|o' : '||'}--${isOne ? 'o|' : 'o{'} ${table.name} : "${columns.join(', ')}"`;
}

function entity({ name, columns, primary, uniques, references }: Table): string {
  const lines = columns.map((column) => {
    const keys = [
      primary.includes(column.name) && 'PK',
      references.some((reference) => reference.columns.includes(column.name)) && 'FK',
      !primary.includes(column.name) && uniques.some((unique) => unique.includes(column.name)) && 'UK',
    ].filter((key) => key !== false);
    const marks = [keys.join(', '), column.isNullable ? '"null"' : ''].filter(Boolean);
    return `    ${[column.type, column.name, ...marks].join(' ')}`;
  });
  return `  ${name} {\n${lines.join('\n')}\n  }`;
}
