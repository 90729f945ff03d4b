import { connect } from '../session/connect.ts';
import { lackingRight } from '../session/lacking_right.ts';
import { migrationsOf } from './migrate.ts';
import { checksum, rememberedSums } from './remembered.ts';

/**
 * A migration of this package or of the database: 'edited' after it had run there, 'unknown' to this version of the
 * package. `executed_at` is null if it has not run.
 */
export type MigrationStatus = {
  readonly name: string;
  readonly state: 'executed' | 'pending' | 'edited' | 'unknown';
  readonly executed_at: string | null;
};

/**
 * Which migrations have run in a database and which have not, by name. It changes nothing there.
 *
 * @throws {PermissionError} if the role may not see which have run; as `connect` if the database cannot be reached
 */
export async function migrationStatus(connectionString: string): Promise<MigrationStatus[]> {
  const { executed, sums } = await readExecuted(connectionString);
  const migrations = await migrationsOf();
  const statuses = await Promise.all(
    Object.entries(migrations).map(async ([name, migration]): Promise<MigrationStatus> => {
      const executed_at = executed.get(name);
      if (executed_at === undefined) return { name, state: 'pending', executed_at: null };
      const known = sums[name];
      const edited = known !== undefined && known !== (await checksum(migration));
      return { name, state: edited ? 'edited' : 'executed', executed_at };
    }),
  );
  const unknown = [...executed].flatMap(([name, executed_at]): MigrationStatus[] =>
    name in migrations ? [] : [{ name, state: 'unknown', executed_at }],
  );
  return [...statuses, ...unknown].sort((one, other) => (one.name < other.name ? -1 : 1));
}

type Executed = { readonly executed: ReadonlyMap<string, string>; readonly sums: Readonly<Record<string, string>> };

async function readExecuted(connectionString: string): Promise<Executed> {
  const client = await connect(connectionString);
  try {
    const { rows } = await client.query<{ is_there: boolean; is_filtered: boolean; sums: Record<string, string> }>(`
      select found is not null as is_there, found is not null and row_security_active(found) as is_filtered,
        ${rememberedSums} as sums
      from to_regclass('kysely_migration') as found`);
    const { is_there = false, is_filtered = false, sums = {} } = rows[0] ?? {};
    if (!is_there) return { executed: new Map(), sums };
    const { rows: ran } = await client.query<{ name: string; timestamp: string }>(
      'select name, timestamp from kysely_migration',
    );
    if (is_filtered) throw lackingRight(client.user, 'row level security hides the rows of kysely_migration from it');
    return { executed: new Map(ran.map(({ name, timestamp }) => [name, timestamp])), sums };
  } finally {
    await client.end();
  }
}
