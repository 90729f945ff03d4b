import os from 'node:os';
import { Client } from 'pg';
import type { PostgresServer } from '../src/testing/start_postgres.ts';

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  /** Processes that ran or waited to, over the last minute, before anything was measured: more than the cores is too many. */
  readonly load: number;
  readonly node: string;
  readonly postgres: string;
  /** Whether the server waits for its disk at a commit: without it a write is cheap, and what is added to it weighs more. */
  readonly durable: boolean;
};

/** Where figures were measured, without which they mean nothing. */
export async function describeMachine(
  connectionString: string,
  { version, description }: Pick<PostgresServer, 'version' | 'description'>,
): Promise<Machine> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ durable: boolean }>(
      "select current_setting('fsync')::boolean and current_setting('synchronous_commit') <> 'off' as durable",
    );
    return {
      cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
      cores: os.availableParallelism(),
      load: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
      node: process.version,
      postgres: `${version} (${description})`,
      durable: rows[0]?.durable ?? true,
    };
  } finally {
    await client.end();
  }
}
