import { type Kysely, sql } from 'kysely';

const merge = sql.raw('public.jsonb_merge_patch(jsonb, jsonb)');
const mergeLevel = sql.raw('private.merge_patch(jsonb, jsonb, integer)');

/**
 * JSON Merge Patch (RFC 7396): what the patch names is replaced, objects are merged, null removes. In an UPDATE of one
 * statement it loses nothing of what others change at the same time, since Postgres applies it to the row as it then is.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- A definer, because it calls itself by name, and callers may not name what is in private.
    create function private.merge_patch(target jsonb, patch jsonb, levels integer) returns jsonb
      language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if jsonb_typeof(patch) <> 'object' then
        return patch;
      end if;
      if levels = 0 then
        raise invalid_parameter_value using message = 'A patch is nested 100 objects deep at most.';
      end if;
      if jsonb_typeof(target) is distinct from 'object' then
        target := '{}';
      end if;
      return (
        select coalesce(jsonb_object_agg(key, value), '{}')
        from (
          select key, value from jsonb_each(target) where not patch ? key
          union all
          select key, private.merge_patch(target -> key, value, levels - 1) from jsonb_each(patch) where value <> 'null'
        ) as members
      );
    end
    $$;

    create function public.jsonb_merge_patch(target jsonb, patch jsonb) returns jsonb
      language sql immutable security invoker set search_path = pg_catalog, pg_temp
      begin atomic select case when patch is null then target else private.merge_patch(target, patch, 100) end; end;

    revoke execute on function ${mergeLevel}, ${merge} from public, anon, authenticated, service_role;
    grant execute on function ${mergeLevel}, ${merge} to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function ${merge};
    drop function ${mergeLevel};
  `.execute(db);
}
