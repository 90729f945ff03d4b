import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { cloneDatabase, createTemplateDatabase, dropTemplateDatabase } from '../../src/testing/template_database.ts';

const server = { connectionString: inject('connectionString') };
const onServer = new pg.Pool({ connectionString: server.connectionString, max: 2 });

afterAll(async () => {
  await onServer.end();
});

async function databases(prefix: string): Promise<string[]> {
  const { rows } = await onServer.query('select datname from pg_database where starts_with(datname, $1)', [prefix]);
  return rows.map((row) => row.datname);
}

async function tablesOfNamedDatabase(): Promise<number> {
  const { rows } = await onServer.query("select count(*)::int as count from pg_class where relkind = 'r'");
  return rows[0].count;
}

describe('a template database', () => {
  let template: string;
  let tablesBefore: number;

  beforeAll(async () => {
    tablesBefore = await tablesOfNamedDatabase();
    template = await createTemplateDatabase(server);
  });

  afterAll(async () => {
    await dropTemplateDatabase(server, template);
  });

  test('is made beside the database that the connection string names', async () => {
    expect(await tablesOfNamedDatabase()).toBe(tablesBefore);
    expect(template).not.toBe(inject('template'));
  });

  test('is cloned by many at once', async () => {
    const clones = await Promise.all(Array.from({ length: 4 }, () => cloneDatabase(server, template)));
    expect(new Set(clones.map((clone) => clone.connectionString)).size).toBe(4);
    await Promise.all(clones.map((clone) => clone.drop()));
    expect(await databases(template)).toEqual([template]);
  });

  test('is dropped with the clones that a test left behind, in use or not', async () => {
    const other = await createTemplateDatabase(server);
    await cloneDatabase(server, other);
    const inUse = await cloneDatabase(server, other);
    const client = new pg.Client({ connectionString: inUse.connectionString });
    const ended = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await dropTemplateDatabase(server, other);
    expect(await databases(other)).toEqual([]);
    expect(await databases(template)).toEqual([template]);
    expect(await ended).toBeInstanceOf(Error);
  });

  test('takes the place of what runs of other days left behind, and of nothing else', async () => {
    const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
    const old = `wheels_test_${ago(90_000)}_0badc0de`;
    const recent = `wheels_test_${ago(3_600)}_0badc0de`;
    const oldDemo = `wheels_demo_${ago(90_000)}_0badc0de`;
    const kept = `wheels_demo_kept_${ago(90_000)}_0badc0de`;
    const foreign = `wheels_testing_${randomBytes(4).toString('hex')}`;
    for (const name of [old, oldDemo, recent, kept, foreign])
      await onServer.query(`create database ${name} template template0`);
    await dropTemplateDatabase(server, await createTemplateDatabase(server));
    expect(await databases(old)).toEqual([]);
    expect(await databases(oldDemo)).toEqual([]);
    expect(await databases(kept)).toEqual([kept]);
    expect(await databases(recent)).toEqual([recent]);
    expect(await databases(foreign)).toEqual([foreign]);
    for (const name of [recent, kept, foreign]) await onServer.query(`drop database ${name}`);
  });

  test('a clone is dropped while a replication slot streams from it', async ({ skip }) => {
    const { rows } = await onServer.query('show wal_level');
    skip(rows[0].wal_level !== 'logical', 'the server does not decode changes');
    const clone = await cloneDatabase(server, template);
    const slot = `drop_${randomBytes(4).toString('hex')}`;
    const options: pg.ClientConfig = { connectionString: clone.connectionString, replication: 'database' };
    const client = new pg.Client(options);
    client.on('error', () => {});
    await client.connect();
    await client.query(`CREATE_REPLICATION_SLOT ${slot} LOGICAL pgoutput`);
    const stream = client.query(
      `START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', publication_names 'supabase_realtime')`,
    );
    const streamEnded = expect(stream).rejects.toThrow();
    const active = () => onServer.query('select active from pg_replication_slots where slot_name = $1', [slot]);
    await expect.poll(async () => (await active()).rows).toEqual([{ active: true }]);

    await clone.drop();
    await streamEnded;
    expect((await active()).rows).toEqual([]);
  });
});
