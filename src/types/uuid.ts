import { z } from 'zod';

const form = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && form.test(value);
}

/** A uuid of any version, as Postgres takes it. */
export const uuidSchema = z.string().regex(form, 'must be a uuid');
