import { z } from 'zod';

/** The version of a row, as it was read. */
export const versionSchema = z.int().min(1).max(2_147_483_647);

/** Changes the row only if it still has the version that was read. */
export const ifVersionSchema = z.strictObject({ if_version: versionSchema }).partial();
/** The version that was read: another one by now is a `ConflictError`. */
export type IfVersion = z.input<typeof ifVersionSchema>;
