import { type Kysely, sql } from 'kysely';

const writable = sql.raw('trip_id, name, kind, location, rating, notes, tags');

/**
 * The spots that a traveller keeps: where to sleep, to take water, to mend the van. Nobody else reads them, so that
 * `location` is as exact as it is given.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('places')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('trip_id', 'uuid')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('location', 'jsonb', (column) => column.notNull())
    .addColumn('rating', 'integer')
    .addColumn('notes', 'text')
    .addColumn('tags', sql`text[]`, (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addCheckConstraint('places_name_check', sql`name ~ '[^[:space:]]' and char_length(name) <= 200`)
    .addCheckConstraint(
      'places_kind_check',
      sql`kind in ('campsite', 'water', 'dump_point', 'fuel', 'laundry', 'mechanic', 'shop', 'other')`,
    )
    .addCheckConstraint('places_location_check', sql`private.is_location(location)`)
    .addCheckConstraint('places_rating_check', sql`rating between 1 and 5`)
    .addCheckConstraint('places_notes_check', sql`notes ~ '[^[:space:]]' and char_length(notes) <= 2000`)
    .addCheckConstraint('places_tags_check', sql`tags = '{}' or private.is_tag_list(tags)`)
    .execute();

  await sql`
    alter table public.places add constraint places_trip_id_fkey
      foreign key (user_id, trip_id) references public.trips (user_id, id) on delete set null (trip_id);

    create index idx_places_user_id on public.places (user_id, created_at desc, id desc);
    create index idx_places_kind on public.places (user_id, kind, created_at desc, id desc);
    create index idx_places_trip_id on public.places (user_id, trip_id, created_at desc, id desc) where trip_id is not null;

    create function private.complete_place() returns trigger
      language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if new.tags <> '{}' then
        new.tags := private.normalize_tags(new.tags);
      end if;
      return new;
    end
    $$;
    revoke execute on function private.complete_place() from public, anon, authenticated, service_role;

    create trigger complete_place before insert or update of tags on public.places
      for each row execute function private.complete_place();
    create trigger set_updated_at before update of ${writable} on public.places
      for each row execute function private.set_updated_at_and_version();

    alter table public.places enable row level security;
    revoke all on public.places from public, anon, authenticated, service_role;
    grant select, delete, insert (id, user_id, ${writable}), update (${writable}) on public.places to authenticated;
    grant select, delete, insert (id, user_id, ${writable}, created_at), update (${writable}) on public.places to service_role;

    create policy "Users can view own places" on public.places
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own places" on public.places
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own places" on public.places
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own places" on public.places
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop table public.places;
    drop function private.complete_place();
  `.execute(db);
}
