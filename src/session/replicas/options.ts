import type { PoolConfig } from 'pg';
import { ConfigurationError } from '../../types/errors.ts';
import type { ConnectionPool } from '../connection_pool.ts';
import { createPool } from '../pool.ts';
import { lookMillis } from './ask_standing.ts';

export type ReplicaOptions = {
  /**
   * Connection strings of streaming replicas of the server that `connectionString` leads to. Read-only sessions read from
   * them; nothing else does. All other options hold for each of them too: `max` is a number of connections to each.
   *
   * @example
   * replicas: ['postgres://user:password@replica-1.example:5432/wheels'],
   */
  replicas?: readonly string[];
};

/** @throws {ConfigurationError} unless `replicas` is a list of connection strings. */
export function createReplicaPools(replicas: readonly string[], config: PoolConfig): ConnectionPool[] {
  if (!Array.isArray(replicas)) throw new ConfigurationError('replicas must be a list of connection strings.');
  const { connectionTimeoutMillis = lookMillis } = config;
  // The primary is there for whoever waits too long.
  const waitMillis = connectionTimeoutMillis === 0 ? lookMillis : Math.min(connectionTimeoutMillis, lookMillis);
  return replicas.map((connectionString) =>
    createPool({ ...config, connectionString, connectionTimeoutMillis: waitMillis }),
  );
}
