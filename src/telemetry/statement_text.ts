const literalsAndComments =
  /"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\be'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'?|'[^']*(?:''[^']*)*'?|(\$(?:[a-z_]\w*)?\$)[\s\S]*?(?:\1|$)|(?<![\w$"])\.?\d[\w.]*|\b(?:true|false)\b/gi;

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
  return sql.replace(literalsAndComments, (found) => {
    if (found.startsWith('"')) return found;
    return found.startsWith('--') || found.startsWith('/*') ? ' ' : '?';
  });
}

function withoutParts(text: string): string {
  let depth = 0;
  return text.replace(/[()]|[^()]+/g, (part) => {
    if (part === '(') depth += 1;
    if (part === ')') depth -= 1;
    return depth === 0 && part !== ')' ? part : ' ';
  });
}
