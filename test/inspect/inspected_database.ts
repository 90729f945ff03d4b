import pg from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { loadHousehold } from '../../src/household/load_household.ts';
import { inspected } from '../../src/inspect/inspected.ts';
import type { Answer, Finding, Row } from '../../src/inspect/question.ts';
import { questions } from '../../src/inspect/questions.ts';
import { cloneDatabase, createTemplateDatabase } from '../../src/testing/template_database.ts';
import { privateServer } from '../migrations/support/private_server.ts';

/** A migrated and seeded database on a server that no other test file uses. */
export type InspectedDatabase = {
  readonly connectionString: string;
  /** A connection that ends with the test, as the superuser or as whoever the URL names. */
  connect(connectionString?: string): Promise<pg.Client>;
  /** Statements one after the other, outside of transactions, on one connection that then ends; statistics are sent. */
  run(...statements: string[]): Promise<pg.QueryResult[]>;
};

export function inspectedDatabase(): InspectedDatabase {
  const server = privateServer();
  let connectionString = '';
  const clients: pg.Client[] = [];

  beforeAll(async () => {
    ({ connectionString } = await cloneDatabase(server, await createTemplateDatabase(server)));
    await loadHousehold(connectionString);
  });

  const endAll = async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
  };
  afterEach(endAll);
  afterAll(endAll);

  async function connect(url = connectionString): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  }

  return {
    get connectionString() {
      return connectionString;
    },
    connect,
    async run(...statements) {
      const client = new pg.Client({ connectionString });
      await client.connect();
      try {
        const results = [];
        for (const statement of statements) results.push(await client.query(statement));
        await client.query('select pg_stat_force_next_flush()');
        return results;
      } finally {
        await client.end();
      }
    },
  };
}

/** The answer to a question, with the thresholds `max` instead of the default ones. */
export async function ask(url: string, name: string, max: Record<string, number> = {}): Promise<Answer> {
  const question = questions.find((known) => known.name === name);
  if (!question) throw new Error(`No question ${name}.`);
  return await inspected(url, (server) => question.ask(server, new Map(Object.entries(max))));
}

export async function rowsOf(url: string, name: string): Promise<readonly Row[]> {
  const answer = await ask(url, name);
  if ('unanswered' in answer) throw new Error(answer.unanswered);
  return answer.rows;
}

/** What a question finds, as `threshold: sentence`. */
export async function found(url: string, name: string, max: Record<string, number> = {}): Promise<string[]> {
  const answer = await ask(url, name, max);
  if ('unanswered' in answer) throw new Error(answer.unanswered);
  return answer.findings.map(({ threshold, what }: Finding) => `${threshold}: ${what}`);
}
