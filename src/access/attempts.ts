import { type Relation, relations } from './access.ts';
import { wordsOf } from './grid.ts';
import { calls, newRows, rowsOf } from './statements.ts';
import type { Ids } from './world.ts';

/** Operations of a table or view. */
export const operations = ['select', 'insert', 'update', 'delete', 'truncate'] as const;

type Operation = (typeof operations)[number];

/** What a label says; what it leaves out is all groups of columns, all kinds of rows. Empty where there is none to name. */
export function readLabel(relation: Relation, label: string) {
  const [operation, ...words] = wordsOf(label);
  const ofColumns = operation === 'insert' || operation === 'update';
  const ofRows = operation === 'select' || operation === 'update' || operation === 'delete';
  const named = (all: readonly string[]) => {
    const chosen = all.filter((name) => words.includes(name));
    return chosen.length > 0 ? chosen : all;
  };
  const groups = ofColumns ? named(Object.keys(relation.columns)) : [];
  const kinds = ofRows ? named(Object.keys(relation.rows)) : [];
  const unknown = words.filter((word) => !groups.includes(word) && !kinds.includes(word));
  if (unknown.length > 0 || !isOperation(operation)) throw new Error(`"${label}" names nothing that exists.`);
  return { operation, groups, kinds };
}

/** The statements that a line of a relation stands for: one for each column that it writes, for each kind of row. */
export function statementsOf(name: string, label: string): ((ids: Ids) => string)[] {
  const relation = relations[name];
  if (!relation) throw new Error(`access.ts has no ${name}.`);
  const { operation, groups, kinds } = readLabel(relation, label);
  const columns = groups.flatMap((group) => wordsOf(relation.columns[group] ?? ''));
  if (operation === 'truncate') return [() => `truncate public.${name} cascade`];
  if (operation === 'insert') {
    return columns.map((column) => (ids) => {
      const row = { ...newRows[name]?.(ids) };
      row[column] ??= 'default';
      return `insert into public.${name} (${Object.keys(row)}) values (${Object.values(row)})`;
    });
  }
  return kinds.flatMap((kind) => {
    const where = rowsOf[name]?.[kind];
    if (!where) throw new Error(`statements.ts does not say which row of ${name} is "${kind}".`);
    if (operation === 'select') return [(ids: Ids) => `select from public.${name} where ${where(ids)}`];
    if (operation === 'delete') return [(ids: Ids) => `delete from public.${name} where ${where(ids)}`];
    return columns.map((column) => (ids: Ids) => {
      const value = isGenerated(column) ? 'default' : column;
      return `update public.${name} set ${column} = ${value} where ${where(ids)}`;
    });
  });
}

/** The call that a line of the functions stands for. */
export function callOf(label: string): ((ids: Ids) => string)[] {
  const call = calls[label];
  if (!call) throw new Error(`statements.ts has no call "${label}".`);
  return [call];
}

/** A generated column takes no other value than its default, not even its own. */
const isGenerated = (column: string) => ['search', 'coordinates', 'published', 'position'].includes(column);

function isOperation(word: string | undefined): word is Operation {
  return operations.some((operation) => operation === word);
}
