/** Enough of Supabase's schema `realtime` for what docs/changes.md says of it. */
export const realtimeAsSupabaseHasIt = `
  create schema realtime;
  grant usage on schema realtime to anon, authenticated, service_role;
  create function realtime.topic() returns text language sql stable
    return nullif(current_setting('realtime.topic', true), '');
  create table realtime.messages (
    id uuid default gen_random_uuid(), topic text not null, extension text not null, payload jsonb, event text,
    private boolean default false, inserted_at timestamp default now()
  );
  alter table realtime.messages enable row level security;
  grant select, insert, update on realtime.messages to anon, authenticated, service_role;
  create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
    language sql begin atomic
      insert into realtime.messages (payload, event, topic, private, extension) values ($1, $2, $3, $4, 'broadcast');
    end;
`;
