/** Supabase's own: what is in them is Supabase's to change. On other servers `auth` is as the migrations copy it. */
const ofSupabase =
  '{_analytics,_realtime,_supavisor,auth,cron,extensions,graphql,graphql_public,net,pgbouncer,pgmq,pgsodium,pgtle,realtime,storage,supabase_functions,supabase_migrations,vault}';

/** A condition: the schema's name is none of Postgres' and none of Supabase's. */
export function isOurs(name: string): string {
  return `${name} !~ '^pg_' and ${name} <> 'information_schema' and ${name} <> all ('${ofSupabase}')`;
}
