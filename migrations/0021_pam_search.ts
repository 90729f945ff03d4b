import { type Kysely, sql } from 'kysely';

const words = sql.raw('private.message_words(uuid, text)');
const helpers = sql.raw('private.message_query(uuid, text), private.find_messages(text, uuid, uuid, bigint, integer)');
const search = sql.raw('public.search_messages(text, uuid, uuid, bigint, integer)');

/**
 * Search in one's own conversations, and indexes for what is asked for by time.
 *
 * Messages are many, and each is one person's alone. Every word in the index therefore begins with a piece of its user's
 * id: a search, also for the beginning of a word, reads that user's part of the index however much others have said. Two
 * users may share a piece; the query names the user besides. As in 0015, "@@" is not leakproof: a helper in `private`
 * returns ids alone, and the public function joins them under the caller's policies.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- The words of the first 20,000 characters as they are written, which prefixes find, and their English stems. These two
    -- are PL/pgSQL because that keeps their plans from one call to the next.
    create function private.message_words(user_id uuid, content text) returns tsvector
      language plpgsql immutable strict cost 1000 set search_path = pg_catalog, pg_temp as $$
    declare
      beginning constant text := translate(left(content, 20000), '/', ' ');
    begin
      return (
        select coalesce(array_to_tsvector(array_agg(right(user_id::text, 8) || word)), '')
        from unnest(tsvector_to_array(
          to_tsvector('pg_catalog.simple', beginning) || to_tsvector('pg_catalog.english', beginning)
        )) as word
        where char_length(word) <= 200
      );
    end
    $$;

    -- Every word must occur: as it is written, as the start of a word, or by its English stem.
    create function private.message_query(owner_id uuid, search_term text) returns tsquery
      language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
    begin
      return (
        select string_agg('(' || operands || ')', ' & ')::tsquery
        from (
          select string_agg(
            '''' || right(owner_id::text, 8) || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''' || ending, ' | '
          ) as operands
          from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', translate(left(search_term, 200), '/', ' ')))) as word
          cross join lateral (
            select word, ':*'
            union all
            select stem, '' from unnest(ts_lexize('pg_catalog.english_stem', word)) as stem where stem <> word
          ) as operand (lexeme, ending)
          group by word
        ) as each_word
      );
    end
    $$;

    create function private.find_messages(
      search_term text, owner_id uuid, wanted_conversation uuid, before_position bigint, most integer
    )
      returns table (id uuid)
      language plpgsql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    declare
      query tsquery;
    begin
      -- A schema private that was there before may be open to users: called by name, this must not search others' messages.
      if current_setting('role') = 'authenticated' then
        owner_id := auth.uid();
      end if;
      query := private.message_query(owner_id, search_term);
      -- Materialized, for Postgres might otherwise read all messages of a person and find the words of each anew.
      return query
        with matching as materialized (
          select m.id, m.user_id, m.conversation_id, m.position from public.pam_messages m
          where private.message_words(m.user_id, m.content) @@ query
        )
        select m.id from matching m
        where m.user_id = owner_id
          and (wanted_conversation is null or m.conversation_id = wanted_conversation)
          and m.position < coalesce(before_position, 9223372036854775807)
        order by m.position desc limit most;
    end
    $$;

    -- Newest first. A page of 100 asks for one more, which tells that others follow.
    create function public.search_messages(
      search_term text, user_filter uuid default null, conversation_filter uuid default null,
      before_position bigint default null, limit_results integer default 20
    )
      returns setof public.pam_messages
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select m.*
        from private.find_messages(
          search_term,
          case when row_security_active('public.pam_messages') then (select auth.uid()) else coalesce(user_filter, (select auth.uid())) end,
          conversation_filter,
          before_position,
          least(greatest(coalesce(limit_results, 20), 1), 101)
        ) as found
        -- One by one: who has said little on average may have said much, and a join might read all of it.
        cross join lateral (
          select * from public.pam_messages where id = found.id and (user_filter is null or user_id = user_filter) limit 1
        ) as m
        order by m.position desc;
      end;

    revoke execute on function ${words}, ${helpers}, ${search} from public, anon, authenticated, service_role;
    -- Whoever writes a message writes its words into the index.
    grant execute on function ${words}, private.find_messages(text, uuid, uuid, bigint, integer), ${search}
      to authenticated, service_role;

    create index idx_pam_messages_words on public.pam_messages using gin (private.message_words(user_id, content));
    create index idx_pam_messages_created_at on public.pam_messages (user_id, created_at);
    create index idx_pam_conversations_updated_at on public.pam_conversations (user_id, updated_at);
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop index public.idx_pam_conversations_updated_at, public.idx_pam_messages_created_at, public.idx_pam_messages_words;
    drop function ${search};
    drop function ${helpers};
    drop function ${words};
  `.execute(db);
}
