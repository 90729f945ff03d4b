import { type Kysely, sql } from 'kysely';

/**
 * PAM's conversations, one row a message, so that an append costs the same at any length. A user writes messages of role
 * 'user' only and no context: what PAM was told, knows and said comes from the service, and cannot be forged.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .withSchema('public')
    .createTable('pam_conversations')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('profiles.id').onDelete('cascade'))
    .addColumn('session_id', 'text', (column) => column.notNull())
    .addColumn('context', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('status', 'text', (column) => column.notNull().defaultTo('active'))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addUniqueConstraint('pam_conversations_user_id_id_key', ['user_id', 'id'])
    .addCheckConstraint(
      'pam_conversations_session_id_check',
      sql`session_id ~ '[^[:space:]]' and char_length(session_id) <= 200`,
    )
    .addCheckConstraint('pam_conversations_context_check', sql`private.is_json_object(context)`)
    .addCheckConstraint('pam_conversations_status_check', sql`status in ('active', 'archived')`)
    .execute();

  await db.schema
    .withSchema('public')
    .createTable('pam_messages')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('conversation_id', 'uuid', (column) => column.notNull())
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull().generatedAlwaysAsIdentity())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('metadata', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addUniqueConstraint('pam_messages_user_id_id_key', ['user_id', 'id'])
    .addCheckConstraint('pam_messages_role_check', sql`role in ('user', 'assistant', 'system', 'tool')`)
    .addCheckConstraint('pam_messages_content_check', sql`content ~ '[^[:space:]]' and char_length(content) <= 100000`)
    .addCheckConstraint('pam_messages_metadata_check', sql`private.is_json_object(metadata)`)
    .addForeignKeyConstraint(
      'pam_messages_conversation_id_fkey',
      ['user_id', 'conversation_id'],
      'pam_conversations',
      ['user_id', 'id'],
      (key) => key.onDelete('cascade'),
    )
    .execute();

  await db.schema
    .withSchema('public')
    .createTable('pam_feedback')
    .addColumn('id', 'uuid', (column) => column.primaryKey().defaultTo(sql`gen_random_uuid()`))
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('message_id', 'uuid', (column) => column.notNull())
    .addColumn('rating', 'integer')
    .addColumn('feedback_text', 'text')
    .addColumn('feedback_type', 'text', (column) => column.notNull().defaultTo('general'))
    .addColumn('thumbs_up', 'boolean')
    .addColumn('metadata', 'jsonb', (column) => column.notNull().defaultTo(sql`'{}'`))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addCheckConstraint('pam_feedback_rating_check', sql`rating between 1 and 5`)
    .addCheckConstraint(
      'pam_feedback_feedback_text_check',
      sql`feedback_text ~ '[^[:space:]]' and char_length(feedback_text) <= 5000`,
    )
    .addCheckConstraint('pam_feedback_feedback_type_check', sql`feedback_type ~ '^[a-z][a-z0-9_]{0,49}$'`)
    .addCheckConstraint('pam_feedback_empty_check', sql`num_nonnulls(rating, feedback_text, thumbs_up) > 0`)
    .addCheckConstraint(
      'pam_feedback_contradiction_check',
      sql`not (thumbs_up and rating <= 2) and not (not thumbs_up and rating >= 4)`,
    )
    .addCheckConstraint('pam_feedback_metadata_check', sql`private.is_json_object(metadata)`)
    .addForeignKeyConstraint(
      'pam_feedback_message_id_fkey',
      ['user_id', 'message_id'],
      'pam_messages',
      ['user_id', 'id'],
      (key) => key.onDelete('cascade'),
    )
    .execute();

  await sql`
    create index idx_pam_conversations_user_id on public.pam_conversations (user_id, created_at desc, id desc);
    create unique index idx_pam_conversations_session on public.pam_conversations (user_id, session_id);
    create unique index idx_pam_messages_position on public.pam_messages (user_id, conversation_id, position);
    create index idx_pam_feedback_user_id on public.pam_feedback (user_id, created_at desc, id desc);
    create unique index idx_pam_feedback_message_id on public.pam_feedback (user_id, message_id, feedback_type);

    create trigger set_updated_at before update of context, status on public.pam_conversations
      for each row execute function private.set_updated_at();
    create trigger set_updated_at before update of rating, feedback_text, feedback_type, thumbs_up, metadata on public.pam_feedback
      for each row execute function private.set_updated_at();

    alter table public.pam_conversations enable row level security;
    revoke all on public.pam_conversations from public, anon, authenticated, service_role;
    grant select, delete, insert (id, user_id, session_id), update (status) on public.pam_conversations to authenticated;
    grant select, delete, insert (id, user_id, session_id, context, status, created_at), update (context, status)
      on public.pam_conversations to service_role;

    create policy "Users can view own conversations" on public.pam_conversations
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own conversations" on public.pam_conversations
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own conversations" on public.pam_conversations
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own conversations" on public.pam_conversations
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));

    alter table public.pam_messages enable row level security;
    revoke all on public.pam_messages from public, anon, authenticated, service_role;
    revoke all on sequence public.pam_messages_position_seq from public, anon, authenticated, service_role;
    grant select, insert (id, user_id, conversation_id, role, content, metadata) on public.pam_messages to authenticated;
    grant select, delete, insert (id, user_id, conversation_id, role, content, metadata, created_at)
      on public.pam_messages to service_role;

    create policy "Users can view own messages" on public.pam_messages
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can append own messages" on public.pam_messages
      for insert to authenticated
      with check (user_id = (select auth.uid()) and role = 'user' and (select private.can_write()));

    alter table public.pam_feedback enable row level security;
    revoke all on public.pam_feedback from public, anon, authenticated, service_role;
    grant select, delete,
      insert (id, user_id, message_id, rating, feedback_text, feedback_type, thumbs_up, metadata),
      update (rating, feedback_text, feedback_type, thumbs_up, metadata)
      on public.pam_feedback to authenticated, service_role;

    create policy "Users can view own feedback" on public.pam_feedback
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "Users can create own feedback" on public.pam_feedback
      for insert to authenticated with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can update own feedback" on public.pam_feedback
      for update to authenticated
      using (user_id = (select auth.uid()))
      with check (user_id = (select auth.uid()) and (select private.can_write()));
    create policy "Users can delete own feedback" on public.pam_feedback
      for delete to authenticated using (user_id = (select auth.uid()) and (select private.can_write()));

    -- A computed column: "select c.messages from pam_conversations c".
    create function public.messages(conversation public.pam_conversations) returns jsonb
      language sql stable security invoker set search_path = pg_catalog, pg_temp
      begin atomic
        select coalesce(
          jsonb_agg(
            jsonb_build_object('id', m.id, 'role', m.role, 'content', m.content, 'metadata', m.metadata, 'created_at', m.created_at)
            order by m.position
          ),
          '[]'
        )
        from public.pam_messages m
        where m.user_id = conversation.user_id and m.conversation_id = conversation.id;
      end;
    revoke execute on function public.messages(public.pam_conversations) from public, anon, authenticated, service_role;
    grant execute on function public.messages(public.pam_conversations) to authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function public.messages(public.pam_conversations);
    drop table public.pam_feedback, public.pam_messages, public.pam_conversations;
  `.execute(db);
}
