/** Of a comment that may hold others only how it begins. */
const literalsAndComments =
  /"(?:[^"]|"")*"|--[^\n]*|\/\*|\be'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'?|'[^']*(?:''[^']*)*'?|(\$(?:[a-z_]\w*)?\$)[\s\S]*?(?:\1|$)|(?<![\w$"])\.?\d[\w.]*|\b(?:true|false)\b/gi;
const commentMarks = /\/\*|\*\//g;

/**
 * The text of a statement as others may read it: as it is with its placeholders, or, without parameters, when values can
 * only be in the text itself, with `?` for every literal.
 *
 * @example
 * shownText('select id from trips where name = $1', ['Big Lap']); // as it is
 * shownText("select id from trips where name = 'Big Lap'", []); // select id from trips where name = ?
 */
export function shownText(sql: string, parameters: readonly unknown[]): string {
  return parameters.length > 0 ? sql : withoutLiterals(sql);
}

/**
 * What a statement does and to what, the first of each and nothing that is in parentheses: one name for all that are alike.
 *
 * @example
 * summaryOf('select "id" from "trips" where "id" in (select "trip_id" from "expenses")'); // select trips
 * summaryOf('explain select 1'); // explain
 */
export function summaryOf(sql: string): string {
  const text = withoutParts(withoutLiterals(sql));
  const [, operation = 'postgresql'] =
    /^\W*(?:with\b.*?\b(?=(?:select|insert|update|delete|merge)\b))?(\w+)/is.exec(text) ?? [];
  const [, target] = /(?<!\bdistinct\s+)\b(?:from|into|update)\s+(?:only\s+)?([\w$."]+)/i.exec(text) ?? [];
  return target === undefined ? operation : `${operation} ${target.replaceAll('"', '')}`;
}

function withoutLiterals(sql: string): string {
  const shown: string[] = [];
  let end = 0;
  for (let match = find(literalsAndComments, sql, end); match; match = find(literalsAndComments, sql, end)) {
    const [found] = match;
    shown.push(sql.slice(end, match.index), shownInstead(found));
    end = found === '/*' ? endOfComment(sql, match.index) : match.index + found.length;
  }
  return shown.join('') + sql.slice(end);
}

function shownInstead(found: string): string {
  if (found.startsWith('"')) return found;
  return found.startsWith('--') || found === '/*' ? ' ' : '?';
}

/** Postgres nests comments; one that is not closed lasts until the end. */
function endOfComment(sql: string, start: number): number {
  let depth = 0;
  for (let mark = find(commentMarks, sql, start); mark; mark = find(commentMarks, sql, mark.index + 2)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.index + 2;
  }
  return sql.length;
}

function find(pattern: RegExp, sql: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from;
  return pattern.exec(sql);
}

function withoutParts(text: string): string {
  let depth = 0;
  return text.replace(/[()]|[^()]+/g, (part) => {
    if (part === '(') depth += 1;
    if (part === ')') depth -= 1;
    return depth === 0 && part !== ')' ? part : ' ';
  });
}
