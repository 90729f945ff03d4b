import { uuidSchema } from '@wheelsandwins/db/schemas';

/** Ids of users by the name that the page shows. */
export type Travellers = ReadonlyMap<string, string>;

/**
 * Reads `DEMO_TRAVELLERS`, such as `Maya=fa9e0e10-…,Sam=fd090b5c-…`.
 *
 * @throws {Error} one line, if it is malformed, or set where anybody could use it.
 */
export function readTravellers({ DEMO_TRAVELLERS, JWT_SECRET, NODE_ENV }: NodeJS.ProcessEnv): Travellers | undefined {
  if (!DEMO_TRAVELLERS) return undefined;
  if (NODE_ENV === 'production') throw new Error('DEMO_TRAVELLERS lets anybody in: not with NODE_ENV=production.');
  if (!JWT_SECRET) throw new Error('DEMO_TRAVELLERS needs JWT_SECRET to sign tokens with.');
  const pairs = DEMO_TRAVELLERS.split(',').map((pair) => pair.split('='));
  const travellers = new Map<string, string>();
  for (const [name, id, ...rest] of pairs) {
    if (!name || !uuidSchema.safeParse(id).success || id === undefined || rest.length > 0) {
      throw new Error('DEMO_TRAVELLERS must look like Maya=<id>,Sam=<id>.');
    }
    travellers.set(name.trim(), id);
  }
  return travellers;
}
