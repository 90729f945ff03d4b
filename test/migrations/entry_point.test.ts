import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { developmentDirectory } from '../../src/cli/connection_string.ts';
import { running } from '../../src/testing/cluster.ts';
import { type ClonedDatabase, cloneDatabase } from '../../src/testing/template_database.ts';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const kyselyCtl = fileURLToPath(new URL('../../node_modules/kysely-ctl/dist/bin.mjs', import.meta.url));
const server = new URL(inject('connectionString'));

/** Runs `npx kysely <command>` and reports its end. */
async function kysely(
  command: string,
  databaseUrl: string,
  folder = projectRoot,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = [kyselyCtl, ...command.split(' '), '--no-outdated-check'];
  const env = { ...process.env, DATABASE_URL: databaseUrl };
  return await new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

function at(change: Partial<Pick<URL, 'username' | 'password' | 'port' | 'pathname'>>): string {
  return Object.assign(new URL(server), change).href;
}

let database: ClonedDatabase;
let client: pg.Client;

beforeEach(async () => {
  database = await cloneDatabase({ connectionString: server.href }, 'template0');
  client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

async function tables(): Promise<string[]> {
  const { rows } = await client.query(
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'kysely%' order by 1",
  );
  return rows.map((row) => row.relname);
}

async function listed(): Promise<string[]> {
  const { rows } = await client.query('select name from kysely_migration order by name');
  return rows.map((row) => row.name);
}

describe('the migrations of this package', () => {
  test('go up, are listed, go down one by one and all at once, and go up again', async () => {
    expect(await kysely('migrate:list --fail-on-pending', database.connectionString)).toMatchObject({ code: 1 });
    expect(await kysely('migrate:latest', database.connectionString)).toMatchObject({ code: 0, stderr: '' });
    expect(await tables()).toEqual(expect.arrayContaining(['profiles', 'trips', 'expenses', 'posts']));
    const all = await listed();
    expect(await kysely('migrate:list --fail-on-pending', database.connectionString)).toMatchObject({
      code: 0,
      stderr: '',
    });

    expect(await kysely('migrate:down', database.connectionString)).toMatchObject({ code: 0, stderr: '' });
    expect(await listed()).toEqual(all.slice(0, -1));
    expect(await kysely('migrate:rollback --all', database.connectionString)).toMatchObject({ code: 0, stderr: '' });
    expect(await listed()).toEqual([]);
    expect(await tables()).toEqual([]);

    expect(await kysely('migrate latest', database.connectionString)).toMatchObject({ code: 0, stderr: '' });
    expect(await listed()).toEqual(all);
  });

  test('are refused by a half-migrated database, which stays as it is', async () => {
    await kysely('migrate:latest', database.connectionString);
    await client.query('delete from kysely_migration');
    const before = await tables();
    const { code, stderr } = await kysely('migrate:latest', database.connectionString);
    expect(stderr).toMatch(
      /^The database is half-migrated: .* is not listed in kysely_migration, yet .* already exists\. .*\n$/,
    );
    expect(code).toBe(1);
    expect(await tables()).toEqual(before);
    expect(await listed()).toEqual([]);
  });

  test.each(['migrate:latest', 'migrate:rollback --all'])(
    '%s stops where a newer version has migrated',
    async (command) => {
      await kysely('migrate:latest', database.connectionString);
      await client.query("insert into kysely_migration values ('9999_from_the_future', '2999-01-01T00:00:00Z')");
      const before = await tables();
      expect(await kysely(command, database.connectionString)).toMatchObject({
        code: 1,
        stderr:
          'The database has run the migration "9999_from_the_future", which the migrations folder lacks: migrate with the version of this package that has it. Nothing was changed.\n',
      });
      expect(await tables()).toEqual(before);
    },
  );
});

describe('a DATABASE_URL', () => {
  const malformed =
    'DATABASE_URL is malformed: it must look like postgres://user:password@host:5432/database, without spaces, with special characters percent-encoded.';

  test.each([
    ['without a scheme', '127.0.0.1:5432/wheels', malformed],
    ['of another database system', 'mysql://root:s3cret@127.0.0.1/wheels', malformed],
    ['after a space', ' postgres://wheels:s3cret@127.0.0.1/wheels', malformed],
    [
      'that names another as its database',
      'postgres://127.0.0.1/postgres://wheels:s3cret@db.example/wheels',
      malformed,
    ],
    ['whose password is not encoded', 'postgres://wheels:s3cret/#1@127.0.0.1/wheels', malformed],
    [
      'where no server listens',
      'postgres://wheels:s3cret@127.0.0.1:1/wheels',
      'No Postgres answers at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): start the server, or correct DATABASE_URL.',
    ],
    [
      'whose user the server refuses',
      at({ username: 'nobody_known', password: 's3cret' }),
      `The server at ${server.host} refused the user "nobody_known": check user and password in DATABASE_URL.`,
    ],
    [
      'whose database does not exist',
      at({ pathname: '/no_such_database' }),
      `The database "no_such_database" does not exist at ${server.host}: create it, or correct DATABASE_URL.`,
    ],
  ])('%s', async (_, url, line) => {
    expect(await kysely('migrate:latest', url)).toEqual({ code: 1, stdout: '', stderr: `${line}\n` });
  });

  test('may be missing while npm run db:start runs', async () => {
    const runs = await running(await developmentDirectory());
    expect(await kysely('migrate:list', '')).toMatchObject(
      runs
        ? { code: 0, stderr: 'DATABASE_URL is not set: this goes to the server of npm run db:start.\n' }
        : { code: 1, stderr: 'No database: set DATABASE_URL, or run npm run db:start in another terminal.\n' },
    );
  });
});

describe('an old server', () => {
  let disguise: Server;
  let port: string;

  // The real server, but its version number is overwritten on the way.
  beforeEach(async () => {
    const { rows } = await client.query('show server_version');
    const version = rows[0].server_version;
    disguise = createServer((socket) => {
      const upstream = connect(Number(server.port), server.hostname);
      socket.pipe(upstream);
      upstream.on('data', (chunk) => {
        socket.write(
          Buffer.from(chunk.toString('latin1').replaceAll(version, version.replace(/^\d+/, '14')), 'latin1'),
        );
      });
      for (const end of [socket, upstream]) {
        end.on('error', () => {});
        end.on('close', () => (end === socket ? upstream : socket).destroy());
      }
    });
    await new Promise<void>((resolve) => disguise.listen(0, '127.0.0.1', resolve));
    port = String((disguise.address() as AddressInfo).port);
  });

  afterEach(() => {
    disguise.close();
  });

  test('is refused with its version', async () => {
    const { code, stdout, stderr } = await kysely(
      'migrate:latest',
      at({ port, pathname: new URL(database.connectionString).pathname }),
    );
    expect(stderr).toMatch(/^The server at \S+ is Postgres 14\.\S+: use Postgres 15 or newer\.\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(await tables()).toEqual([]);
  });
});

describe('a migration that fails after another has succeeded', () => {
  let folder: string;

  async function writeMigration(file: string, statement: string): Promise<void> {
    await writeFile(
      join(folder, file),
      `import { sql } from '${import.meta.resolve('kysely')}';
       export const up = (db) => sql\`${statement}\`.execute(db);`,
    );
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wheels-migrations-'));
    const entry = fileURLToPath(new URL('../../src/cli/migration_entry.ts', import.meta.url));
    await writeFile(
      join(folder, 'kysely.config.ts'),
      `import { checkedDialect, failingMigrator } from '${entry}';
       export default {
         dialect: checkedDialect,
         migrations: { migrator: (db) => failingMigrator(db, '${join(folder, 'migrations')}') },
       };`,
    );
    await mkdir(join(folder, 'migrations'));
    await writeMigration('migrations/0001_first.mts', 'create table first ()');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  test('leaves nothing behind, is named, and runs once it is mended', async () => {
    await writeMigration('migrations/0002_second.mts', 'create table second (); drop table third');
    expect(await kysely('migrate:latest', database.connectionString, folder)).toMatchObject({
      code: 1,
      stderr:
        'The migration "0002_second" failed: table "third" does not exist. Nothing was changed: a run is one transaction.\n',
    });
    expect(await tables()).toEqual([]);
    expect(await listed()).toEqual([]);

    await writeMigration('migrations/0002_second.mts', 'create table second ()');
    expect(await kysely('migrate:latest', database.connectionString, folder)).toMatchObject({ code: 0, stderr: '' });
    expect(await tables()).toEqual(['first', 'second']);
    expect(await listed()).toEqual(['0001_first', '0002_second']);
  });

  test('does not show the value on which it failed', async () => {
    await writeMigration('migrations/0002_second.mts', "select 'alice@example.com'::uuid");
    expect(await kysely('migrate:latest', database.connectionString, folder)).toMatchObject({
      code: 1,
      stderr:
        'The migration "0002_second" failed: invalid input syntax for type uuid: "…". Nothing was changed: a run is one transaction.\n',
    });
  });

  test('is named when its connection is lost', async () => {
    await writeMigration('migrations/0002_second.mts', 'select pg_terminate_backend(pg_backend_pid())');
    const { code, stderr } = await kysely('migrate:latest', database.connectionString, folder);
    expect(stderr).toMatch(/^[^\n]+ Nothing was changed[^\n]*\n$/);
    expect(code).toBe(1);
    expect(await tables()).toEqual([]);
  });

  test('is reported by every command when it cannot be loaded', async () => {
    await writeFile(join(folder, 'migrations/0002_second.mts'), 'export const up = (');
    for (const command of ['migrate:latest', 'migrate:list']) {
      const { code, stderr } = await kysely(command, database.connectionString, folder);
      expect(stderr).toMatch(/^Migrating failed: [^\n]+\n$/);
      expect(code).toBe(1);
    }
  });
});
