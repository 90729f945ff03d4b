// Runs a command with DATABASE_URL set to a server that lives as long as it: node with_database_url.ts <command> <arguments>…
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fail } from '../../src/cli/fail.ts';
import { startPostgres } from '../../src/testing/start_postgres.ts';

const [command = fail('Name a command.'), ...args] = process.argv.slice(2);
process.env.TEST_POSTGRES = 'embedded';
const server = await startPostgres({ log: () => {} }).catch(fail);
const env = { ...process.env, TEST_POSTGRES: 'url', DATABASE_URL: server.connectionString };
const [code] = await once(spawn(command, args, { stdio: 'inherit', env }), 'exit');
await server.stop();
process.exitCode = code ?? 1;
