/** What stands in the way of restoring all of a dump: what the target has already. */
export type TargetObjects = {
  /** Whether it has the schema `auth`, which is Supabase's then, and stays. */
  readonly hasAuth: boolean;
  /** Its tables in `auth`, of those whose rows a backup holds. */
  readonly accountTables: readonly string[];
  readonly publications: readonly string[];
};

/** What of a dump is ours, as the backup's manifest has it. */
export type OurObjects = {
  /** Our triggers on `auth.users`. */
  readonly accountTriggers: readonly string[];
  /** The publications of our tables. */
  readonly publications: readonly string[];
};

/**
 * Chooses from the list that `pg_restore --list` prints what to restore, in its order: first the objects and rows, then
 * the grants, between which there is something to do.
 */
export function chooseEntries(
  list: string,
  ours: OurObjects,
  target: TargetObjects,
): { readonly objects: string; readonly grants: string } {
  const chosen = list.split('\n').flatMap((line) => {
    const entry = parse(line);
    return entry && belongs(entry, ours, target) ? [{ line, isGrant: entry.kind === 'ACL' }] : [];
  });
  const text = (grants: boolean) =>
    chosen
      .filter(({ isGrant }) => isGrant === grants)
      .map(({ line }) => `${line}\n`)
      .join('');
  return { objects: text(false), grants: text(true) };
}

type Entry = {
  /** Such as `TABLE DATA`. */
  readonly kind: string;
  readonly schema: string | undefined;
  /** Its name, as a list of words: `['users', 'wheels_sign_up']` for a trigger, `['SCHEMA', 'private']` for its comment. */
  readonly name: readonly string[];
};

/** `3575; 2620 16491 TRIGGER auth users wheels_sign_up postgres`, the last being the owner. */
function parse(line: string): Entry | undefined {
  const match = /^\d+; \d+ \d+ ([A-Z]+(?: [A-Z]+)*) (-|[^A-Z\s]\S*) (.*)$/.exec(line);
  if (!match) return undefined;
  const [, kind = '', schema, name = ''] = match;
  return { kind, schema: schema === '-' ? undefined : schema, name: name.split(' ').slice(0, -1) };
}

function belongs({ kind, schema, name }: Entry, ours: OurObjects, target: TargetObjects): boolean {
  const [first = '', second = ''] = name;
  // What new objects get by themselves is the target's choice.
  if (kind === 'DEFAULT ACL') return false;
  if (kind.startsWith('PUBLICATION') && schema) return ours.publications.includes(first);
  if (schema === 'public' || schema === 'private') return true;
  if (schema === 'auth') {
    if (kind === 'TRIGGER') return ours.accountTriggers.includes(second);
    if (!target.hasAuth) return true;
    return kind === 'TABLE DATA' && target.accountTables.includes(first);
  }
  if (schema) return false;
  if (kind === 'PUBLICATION') return ours.publications.includes(first) && !target.publications.includes(first);
  if (kind === 'SCHEMA') return first === 'private' || (first === 'auth' && !target.hasAuth);
  if (kind !== 'ACL' && kind !== 'COMMENT') return false;
  if (first === 'PUBLICATION') return ours.publications.includes(second) && !target.publications.includes(second);
  return first === 'SCHEMA' && (second === 'private' || (['auth', 'public'].includes(second) && !target.hasAuth));
}
