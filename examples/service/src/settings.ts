import { type KeySettings, readKeySettings } from './key_settings.ts';
import { readTravellers, type Travellers } from './travellers.ts';

/** All that the environment says. */
export type Settings = {
  readonly databaseUrl: string;
  /** A direct connection for the feed of changes, where `databaseUrl` leads to a pooler. */
  readonly changesDatabaseUrl: string;
  readonly preparedStatements: boolean;
  readonly keys: KeySettings;
  readonly port: number;
  readonly host: string | undefined;
  /** Who may sign in without a password, for a demonstration. */
  readonly travellers: Travellers | undefined;
};

/** @throws {Error} one line that names the variable and says what to set. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const databaseUrl = env.DATABASE_URL;
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: set it to postgres://user:password@host:5432/database.');
  const port = Number(env.PORT ?? '3000');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('PORT must be a number from 0 to 65535.');
  return {
    databaseUrl,
    changesDatabaseUrl: env.CHANGES_DATABASE_URL || databaseUrl,
    preparedStatements: readFlag(env, 'PREPARED_STATEMENTS', true),
    keys: readKeySettings(env),
    port,
    host: env.HOST || undefined,
    travellers: readTravellers(env),
  };
}

function readFlag(env: NodeJS.ProcessEnv, name: string, fallback: boolean): boolean {
  const value = env[name];
  if (!value) return fallback;
  if (value !== 'true' && value !== 'false') throw new Error(`${name} must be true or false.`);
  return value === 'true';
}
