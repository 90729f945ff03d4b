import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { recordedStatements } from './recorded_statements.ts';

/**
 * A migration that leaves a sum of its statements in the database when it has run, so that `wheels-db migrate status` can
 * tell when it was edited afterwards. The sums are in the comment of the table `kysely_migration`, a JSON object.
 */
export function remembered(name: string, { up, down }: Migration): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await up(db);
      await keep(db, sql`|| jsonb_build_object(${sql.lit(name)}, ${sql.lit(await checksum({ up }))})`);
    },
    ...(down && {
      async down(db: Kysely<unknown>) {
        await down(db);
        await keep(db, sql`- ${sql.lit(name)}`);
      },
    }),
  };
}

/** A sum of the statements of `up`: it is the same for the migration as it is written and as it is compiled. */
export async function checksum({ up }: Migration): Promise<string> {
  const statements = await recordedStatements(up);
  return createHash('sha256').update(statements.join('\n')).digest('hex').slice(0, 16);
}

/** The sums by the names of migrations, as `jsonb`. Somebody's own comment is none of ours: it counts as no sums. */
export const rememberedSums = `coalesce(
  substring(
    obj_description(to_regclass('kysely_migration'), 'pg_class')
    from '^{"[a-z0-9_]+": "[0-9a-f]{16}"(?:, "[a-z0-9_]+": "[0-9a-f]{16}")*}$'
  ),
  '{}'
)::jsonb`;

/** Somebody's own comment is replaced. */
async function keep(db: Kysely<unknown>, change: ReturnType<typeof sql>): Promise<void> {
  await sql`
    do $$
    declare
      known jsonb := ${sql.raw(rememberedSums)};
    begin
      if to_regclass('kysely_migration') is not null then
        execute format('comment on table kysely_migration is %L', nullif(known ${change}, '{}'));
      end if;
    end
    $$;
  `.execute(db);
}
