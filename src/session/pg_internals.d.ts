// `pg` exports these files but its types leave them out.

declare module 'pg/lib/result.js' {
  import type { ClientBase, FieldDef } from 'pg';

  export default class Result {
    command: string | null;
    rowCount: number | null;
    rows: unknown[];
    fields: FieldDef[];
    constructor(rowMode: string, types: Pick<ClientBase, 'getTypeParser'>);
    addFields(fields: FieldDef[]): void;
    parseRow(values: (string | null)[]): unknown;
    addRow(row: unknown): void;
    addCommandComplete(message: { text: string }): void;
  }
}

declare module 'pg/lib/utils.js' {
  const utils: { prepareValue(value: unknown): Buffer | string | null };
  export default utils;
}
