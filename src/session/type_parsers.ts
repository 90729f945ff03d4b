import { types } from 'pg';
import { parseTimestamptz } from './timestamptz.ts';

const { DATE, INT8, NUMERIC, TIMESTAMPTZ } = types.builtins;
const dateArray = 1182;
const int8Array = 1016;
const numericArray = 1231;
// `pg` has a parser for it, but its types list no array.
const textArray: number = 1009;

const asText = (text: string): string => text;
const asTexts: (text: string) => string[] = types.getTypeParser(textArray);

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [DATE]: asText,
  [INT8]: asText,
  [NUMERIC]: asText,
  [TIMESTAMPTZ]: parseTimestamptz,
  [dateArray]: asTexts,
  [int8Array]: asTexts,
  [numericArray]: asTexts,
};

/**
 * Dates as "YYYY-MM-DD", numeric and bigint as text, alone and in arrays; the rest as `pg` has it. For the `types` of a
 * pool: another user of `pg` in the same process keeps its own.
 */
export const getTypeParser: typeof types.getTypeParser = (oid, format) =>
  (format === 'binary' ? undefined : parsers[oid]) ?? types.getTypeParser(oid, format);
