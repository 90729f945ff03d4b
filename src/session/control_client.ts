import type { PostgresClient, PostgresClientConstructor, PostgresCursor, PostgresQueryResult } from 'kysely';
import { ConfigurationError } from '../types/errors.ts';

/**
 * What Kysely opens to say `select pg_cancel_backend(…)` for a query whose own signal is aborted: it hands the process id to
 * `cancel` instead, because behind a pooler that id is no backend's.
 */
export function controlClient(cancel: (processId: number) => void): PostgresClientConstructor {
  return class implements PostgresClient {
    async connect(): Promise<this> {
      return this;
    }

    end(): void {}

    query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
    query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
    query<R>(statement: string | PostgresCursor<R>): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
      const [, processId] = /^select pg_\w+_backend\((-?\d+)\)$/.exec(String(statement)) ?? [];
      if (processId === undefined) throw new ConfigurationError('This connection cancels and does nothing else.');
      cancel(Number(processId));
      return Promise.resolve({ command: 'SELECT', rowCount: 0, rows: [] });
    }
  };
}
