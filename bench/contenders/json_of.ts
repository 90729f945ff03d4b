/** `pg` takes an array for an array of Postgres; the only ones that are sent here are JSON. */
export function jsonOf(value: unknown): unknown {
  return Array.isArray(value) ? JSON.stringify(value) : value;
}
