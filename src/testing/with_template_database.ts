import { type PostgresServer, startPostgres } from './start_postgres.ts';
import { addressOf, createTemplateDatabase, dropTemplateDatabase } from './template_database.ts';

export type MigratedServer = {
  readonly server: PostgresServer;
  /** The name of the template database, of which `cloneDatabase` makes copies. */
  readonly template: string;
  /** Leads to the template database. */
  readonly connectionString: string;
};

/**
 * Gives `fn` a server with a migrated template database, and takes away both in the end. `stopped`, which only ever throws,
 * gives up the start: a server that is still starting goes with the process.
 */
export async function withTemplateDatabase<T>(
  { log, stopped }: { log?: (line: string) => void; stopped?: Promise<never> },
  fn: (migrated: MigratedServer) => Promise<T>,
): Promise<T> {
  const starting = startPostgres(log ? { log } : {});
  const server = await (stopped ? Promise.race([starting, stopped]) : starting);
  try {
    const template = await createTemplateDatabase(server);
    try {
      return await fn({ server, template, connectionString: addressOf(server, template) });
    } finally {
      await dropTemplateDatabase(server, template);
    }
  } finally {
    await server.stop();
  }
}
