import { type Kysely, sql } from 'kysely';

/**
 * What the publication carries of each table: enough to show the row, without the parts that are large (a route, a
 * search vector), so that an expense, which updates its trip's totals, does not send the whole trip.
 */
const published = [
  {
    table: 'trips',
    columns:
      'id, user_id, name, description, start_date, end_date, status, budget_total, budget_spent, spent_by_currency, expense_count, currency, version, created_at, updated_at',
  },
  {
    table: 'expenses',
    columns:
      'id, user_id, trip_id, amount, currency, category, description, date, location, receipt_url, tags, metadata, version, created_at, updated_at',
  },
  {
    table: 'income_entries',
    columns:
      'id, user_id, amount, currency, source, description, date, type, frequency, ends_on, metadata, version, created_at, updated_at',
  },
  {
    table: 'posts',
    columns:
      'id, user_id, trip_id, title, content, images, location, tags, likes_count, comments_count, visibility, metadata, version, created_at, updated_at',
  },
  { table: 'pam_conversations', columns: 'id, user_id, session_id, context, status, created_at, updated_at' },
  {
    table: 'pam_messages',
    columns: 'id, conversation_id, user_id, position, role, content, metadata, created_at, updated_at',
  },
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const { table, columns } of published) {
    // A publication of all tables, or of all in a schema, holds ours already and takes no column list.
    await sql`
      do $$
      begin
        if not exists (
          select from pg_publication_tables
          where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = ${sql.lit(table)}
        ) then
          alter publication supabase_realtime add table public.${sql.raw(table)} (${sql.raw(columns)});
        end if;
      end
      $$;
    `.execute(db);
    // Of a deleted row only the replica identity is known: whose it was is needed to tell them.
    await sql`
      alter table public.${sql.raw(table)} replica identity using index ${sql.raw(table)}_user_id_id_key
    `.execute(db);
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const { table } of published) {
    await sql`
      do $$
      begin
        if exists (
          select from pg_publication_rel join pg_publication on pg_publication.oid = prpubid
          where pubname = 'supabase_realtime' and prrelid = ${sql.lit(`public.${table}`)}::regclass
        ) then
          alter publication supabase_realtime drop table public.${sql.raw(table)};
        end if;
      end
      $$;
    `.execute(db);
    await sql`alter table public.${sql.raw(table)} replica identity default`.execute(db);
  }
}
