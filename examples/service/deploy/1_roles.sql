-- Whom requests act as, by the names that Supabase gives them. Nobody logs in as these.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;

-- Owns the database and its schema, and migrates.
create role wheels_owner login;
grant anon, authenticated, service_role to wheels_owner;

-- The service logs in as this one. It is nobody until a statement says whose it is: it inherits nothing.
create role wheels_service login noinherit;
grant anon, authenticated, service_role to wheels_service;

-- The feed of changes. Who may replicate can read everything, so this one is for nothing else.
create role wheels_feed login noinherit replication;
grant anon, authenticated to wheels_feed;
