import type { Attributes } from '@opentelemetry/api';
import { Client, type Pool } from 'pg';

const attributes = new WeakMap<Pool, Attributes>();

/** The server that a pool leads to, by OpenTelemetry's conventions. */
export function serverOf(pool: Pool): Attributes {
  const known = attributes.get(pool);
  if (known) return known;
  const { database, host, port } = new Client(pool.options);
  const server = {
    'db.system.name': 'postgresql',
    // The schema is what every session has first in its search path.
    'db.namespace': `${database}|public`,
    'server.address': host,
    'server.port': port,
  };
  attributes.set(pool, server);
  return server;
}

/** The same as `host:port`. */
export function serverName(pool: Pool): string {
  const { 'server.address': host, 'server.port': port } = serverOf(pool);
  return `${host}:${port}`;
}
