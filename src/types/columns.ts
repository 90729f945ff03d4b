import type { ColumnType } from 'kysely';
import type { JsonObject } from './json.ts';
import type { Money } from './money.ts';

/**
 * Written by the database alone: counted, generated, or kept by a trigger. Not `never` for an insert: Kysely takes any object
 * for the row of a table whose columns are all `never`.
 */
export type Derived<T> = ColumnType<T, undefined, never>;

/** Changed by updates, made by the database. */
export type UpdateOnly<T> = ColumnType<T, never, T>;

/** The key of a row: a client may choose it, nobody changes it. */
export type RowId = ColumnType<string, string | undefined, never>;

/** A reference that stands for good, such as the owner of a row. */
export type Fixed<T> = ColumnType<T, T, never>;

/** Set when the row is made; only the service may say when that was. */
export type CreatedAt = ColumnType<Date, Date | undefined, never>;

/** Never a number: a float would not hold the cents. */
export type MoneyColumn = ColumnType<Money, Money, Money>;

/** jsonb: read parsed, written as JSON text, because `pg` would send a JavaScript array as a Postgres array. */
export type JsonColumn<T> = ColumnType<T, string, string>;
export type JsonObjectColumn = JsonColumn<JsonObject>;

/** Written once, with the row. */
export type FixedJsonObject = ColumnType<JsonObject, string | undefined, never>;

/** Changed by updates, made by the database. */
export type UpdateOnlyJsonObject = ColumnType<JsonObject, never, string>;
