import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { ConnectionError, type Database } from '../../src/index.ts';
import { isActive, isOpen, isSleeping, testFaults } from './faults.ts';
import { errorOf, isPending, outcomeOf } from './outcome.ts';

const faults = testFaults();

const one = sql<{ one: number }>`select 1 as one`;
const sleep = (seconds: number) => sql`select pg_sleep(${seconds}::float8)`;
const closed = expect.objectContaining({
  name: 'ConnectionError',
  message: 'The database is closed: destroy() has been called.',
});

async function noneIsLeft(): Promise<void> {
  await faults.until(isOpen, 0);
  await expect.poll(() => faults.proxy.open).toBe(0);
}

/** Resolves at all, that is: `millis` is far more than any bound given to `destroy`. */
async function resolves(destroying: Promise<void>, millis = 5000): Promise<void> {
  expect((await outcomeOf(destroying, millis)).error).toBeUndefined();
}

describe('destroy waits for', () => {
  test('a statement that runs', async () => {
    const database = faults.open();
    const running = outcomeOf(sleep(0.5).execute(database.asAnon().kysely));
    await faults.until(isSleeping);
    await resolves(database.destroy());
    expect((await running).error).toBeUndefined();
    expect(faults.proxy.cancels).toBe(0);
    await noneIsLeft();
  });

  test('a transaction, with all its statements to come', async () => {
    const database = faults.open({ max: 1 });
    const alice = await faults.person(database);
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const transaction = outcomeOf(
      alice.transaction(async (tx) => {
        await tx.trips.create({ name: 'There' });
        begun.resolve();
        await goOn.promise;
        await tx.transaction(async (part) => void (await part.trips.create({ name: 'And back' })));
      }),
    );
    await begun.promise;
    const destroying = database.destroy();
    expect(await isPending(destroying, 200)).toBe(true);
    goOn.resolve();
    await resolves(destroying);
    expect((await transaction).error).toBeUndefined();
    expect(await faults.tripsOf(alice)).toEqual(['And back', 'There']);
    await noneIsLeft();
  });

  test('a stream', async () => {
    const database = faults.open({ max: 1 });
    const rows = sql<{ row: number }>`generate_series(1, 30)`.as<'row'>(sql.raw('row'));
    let destroying: Promise<void> | undefined;
    let seen = 0;
    for await (const _ of database.asAnon().kysely.selectFrom(rows).select(sql`row`.as('row')).stream(10)) {
      seen += 1;
      destroying ??= database.destroy();
    }
    expect(seen).toBe(30);
    await resolves(destroying ?? expect.unreachable());
    await noneIsLeft();
  });

  test('whoever waited for a connection before', async () => {
    const database = faults.open({ max: 1 });
    const { kysely } = database.asAnon();
    const running = [sleep(0.3), one, one, one].map((statement) => outcomeOf(statement.execute(kysely)));
    await faults.until(isSleeping);
    expect(database.connections.waiting).toBe(3);
    await resolves(database.destroy());
    for (const outcome of running) expect((await outcome).error).toBeUndefined();
    await noneIsLeft();
  });
});

describe('after destroy was called', () => {
  test('new work is refused at once', async () => {
    const database = faults.open({ max: 2 });
    const alice = await faults.person(database);
    const running = outcomeOf(sleep(0.5).execute(alice.kysely));
    await faults.until(isSleeping);
    let isOver = false;
    const destroying = database.destroy().then(() => {
      isOver = true;
    });
    const calls = [
      () => one.execute(alice.kysely),
      () => alice.trips.create({ name: 'Too late' }),
      () => alice.transaction(async () => expect.unreachable()),
      () => alice.kysely.selectFrom('trips').selectAll().stream()[Symbol.asyncIterator]().next(),
      () => database.asAnon().posts.feed(),
      () => database.asService().onBehalfOf(alice.id).trips.list(),
    ];
    for (const call of calls) {
      const error = await errorOf(call());
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toEqual(closed);
    }
    expect(isOver).toBe(false);
    await resolves(destroying);
    expect((await running).error).toBeUndefined();
    for (const call of calls) expect(await errorOf(call())).toEqual(closed);
    expect(await faults.tripsOf(alice)).toEqual([]);
    await noneIsLeft();
  });

  test('new work does not join those who wait for a connection', async () => {
    const database = faults.open({ max: 1 });
    const { kysely, transaction } = await faults.person(database);
    const before = [sleep(0.5), one].map((statement) => outcomeOf(statement.execute(kysely)));
    await faults.until(isSleeping);
    const destroying = database.destroy();
    expect(await errorOf(one.execute(kysely))).toEqual(closed);
    expect(await errorOf(transaction(async () => expect.unreachable()))).toEqual(closed);
    expect(await isPending(destroying, 0)).toBe(true);
    await resolves(destroying);
    for (const outcome of before) expect((await outcome).error).toBeUndefined();
  });

  test('it may be called again', async () => {
    const database = faults.open();
    await one.execute(database.asAnon().kysely);
    await resolves(Promise.all([database.destroy(), database.destroy()]).then(() => {}));
    await resolves(database.destroy());
    expect(database.connections).toMatchObject({ open: 0, idle: 0, waiting: 0 });
    await noneIsLeft();
  });

  test('connections that were lost before leave nothing to wait for', async () => {
    const { proxy } = faults;
    const database = faults.open({ query_timeout: 300, connectionTimeoutMillis: 300 });
    const controller = new AbortController();
    const { kysely } = database.asAnon();
    const fails = async (fault: () => unknown, repair: () => unknown, statement = one) => {
      await outcomeOf(one.execute(kysely));
      await fault();
      await errorOf(Promise.all([statement, statement].map((each) => each.execute(kysely))));
      await repair();
    };
    await fails(
      () => proxy.freeze(),
      () => proxy.thaw(),
    );
    await fails(
      () => proxy.silence(),
      () => proxy.thaw(),
    );
    await fails(
      () => [proxy.cut(), proxy.refuse()],
      () => proxy.accept(),
    );
    const cancelled = errorOf(sleep(60).execute(database.asAnon({ signal: controller.signal }).kysely));
    await faults.until(isSleeping);
    controller.abort();
    await cancelled;
    const killed = errorOf(sleep(60).execute(kysely));
    await faults.until(isSleeping);
    await faults.terminate(...(await faults.backends()));
    await killed;
    await resolves(database.destroy({ timeoutMillis: 25_000 }));
    await noneIsLeft();
  });

  test('a database that was never used closes too', async () => {
    await resolves(faults.open().destroy());
    expect(faults.proxy.logins).toBe(0);
  });
});

describe('destroy does not wait longer than timeoutMillis for', () => {
  test.each([300, 0])('a statement, which is stopped on the server (%i ms)', async (timeoutMillis) => {
    const database = faults.open();
    const alice = await faults.person(database);
    const error = errorOf(
      sql`
        with added as (insert into trips (user_id, name) values (${alice.id}, 'Half a lap') returning 1)
        select pg_sleep(60) from added
      `.execute(alice.kysely),
    );
    await faults.until(isSleeping);
    await resolves(database.destroy({ timeoutMillis }));
    expect(await error).toBeInstanceOf(Error);
    expect(await error).toHaveProperty('name', expect.stringMatching(/^(Connection|Cancelled)Error$/));
    await noneIsLeft();
    expect(await faults.tripsOf(alice)).toEqual([]);
  });

  test('a transaction whose function never ends', async () => {
    const database = faults.open();
    const alice = await faults.person(database);
    const begun = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    const transaction = outcomeOf(
      alice.transaction(async (tx) => {
        await tx.trips.create({ name: 'Big Lap' });
        begun.resolve();
        await never.promise;
        await tx.trips.create({ name: 'Too late' });
      }),
      20_000,
    );
    await begun.promise;
    await resolves(database.destroy({ timeoutMillis: 300 }));
    await noneIsLeft();
    never.resolve();
    expect((await transaction).error).toBeInstanceOf(ConnectionError);
    expect(await faults.tripsOf(alice)).toEqual([]);
  });

  test('a transaction that would go on for ever, statement after statement', async () => {
    const database = faults.open();
    const alice = await faults.person(database);
    const transaction = errorOf(
      alice.transaction(async (tx) => {
        for (;;) await tx.trips.create({ name: 'Big Lap' });
      }),
    );
    await faults.until(isOpen);
    await resolves(database.destroy({ timeoutMillis: 300 }));
    expect(await transaction).toHaveProperty('name', expect.stringMatching(/^(Connection|Cancelled)Error$/));
    await noneIsLeft();
    expect(await faults.tripsOf(alice)).toEqual([]);
  });

  test('whoever waits for a connection', async () => {
    const database = faults.open({ max: 1 });
    const { kysely, transaction } = await faults.person(database);
    const running = errorOf(sleep(60).execute(kysely));
    await faults.until(isSleeping);
    const waiting = [errorOf(one.execute(kysely)), errorOf(transaction(async () => expect.unreachable()))];
    await expect.poll(() => database.connections.waiting).toBe(2);
    await resolves(database.destroy({ timeoutMillis: 300 }));
    for (const error of waiting) expect(await error).toEqual(closed);
    expect(await running).toBeInstanceOf(Error);
    await noneIsLeft();
  });

  test('connections that have fallen silent, whether idle or in use', async () => {
    const database = faults.open({ max: 3 });
    const { kysely } = database.asAnon();
    await Promise.all([1, 2, 3].map(() => sleep(0.1).execute(kysely)));
    const running = errorOf(sleep(60).execute(kysely));
    await faults.until(isSleeping);
    faults.proxy.freeze();
    await resolves(database.destroy({ timeoutMillis: 300 }));
    expect(await running).toBeInstanceOf(Error);
    await expect.poll(() => faults.proxy.open).toBe(0);
    await faults.until(isActive, 0);
  });

  test('idle connections that have fallen silent', async () => {
    const database = faults.open({ max: 3 });
    await Promise.all([1, 2, 3].map(() => sleep(0.1).execute(database.asAnon().kysely)));
    faults.proxy.freeze();
    await resolves(database.destroy({ timeoutMillis: 300 }));
    await expect.poll(() => faults.proxy.open).toBe(0);
  });

  async function isDestroyedUnder(fault: () => void, database: Database): Promise<void> {
    const error = errorOf(sleep(60).execute(database.asAnon().kysely));
    await faults.until(isSleeping);
    fault();
    await resolves(database.destroy({ timeoutMillis: 300 }), 4000);
    expect(await error).toBeInstanceOf(Error);
    await expect.poll(() => faults.proxy.open).toBe(0);
  }

  test('a server that says nothing, to nobody', async () => {
    await isDestroyedUnder(() => faults.proxy.silence(), faults.open());
  });

  test('a server that takes no connections, not even to cancel', async () => {
    await isDestroyedUnder(() => faults.proxy.refuse(), faults.open());
  });

  test('a connection that is being made', async () => {
    const database = faults.open();
    faults.proxy.silence();
    const waiting = errorOf(one.execute(database.asAnon().kysely));
    await expect.poll(() => faults.proxy.logins).toBe(1);
    await resolves(database.destroy({ timeoutMillis: 300 }), 4000);
    expect(await waiting).toBeInstanceOf(ConnectionError);
    await expect.poll(() => faults.proxy.open).toBe(0);
  });
});

describe('a process', () => {
  const index = JSON.stringify(new URL('../../src/index.ts', import.meta.url).href);
  const root = fileURLToPath(new URL('../..', import.meta.url));

  /** Runs `work` in another process, with `database` and `select(text)`; it says `ready` once its first statement is over. */
  function run(work: string) {
    const script = `
      import { sql } from 'kysely';
      import { createDatabase } from ${index};
      const connectionString = ${JSON.stringify(faults.proxy.connectionString)};
      const database = createDatabase({ connectionString, max: 2 });
      const select = (text) => sql.raw('select ' + text).execute(database.asAnon().kysely);
      await select('1');
      ${work}
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const exit = once(child, 'exit').then(([code]) => ({ code, output }));
    return { child, exit };
  }

  test('ends by itself after destroy', async () => {
    const { child, exit } = run(`
      await Promise.all([select('pg_sleep(0.1)'), select('pg_sleep(0.1)')]);
      await database.destroy();
      console.log('destroyed');
    `);
    expect(await outcomeOf(exit, 10_000).finally(() => child.kill())).toEqual({
      value: { code: 0, output: 'destroyed\n' },
    });
  });

  test.each(['freeze', 'silence', 'refuse'] as const)(
    'ends by itself after destroy on a network that is bad: %s',
    async (fault) => {
      const { child, exit } = run(`
      select('pg_sleep(60)').catch(({ name }) => console.log(name));
      process.stdin.once('data', async () => {
        await database.destroy({ timeoutMillis: 300 });
        console.log('destroyed');
        process.stdin.destroy();
      });
    `);
      await faults.until(isSleeping);
      faults.proxy[fault]();
      child.stdin.write('destroy');
      const outcome = await outcomeOf(exit, 8000).finally(() => child.kill());
      expect(outcome).toMatchObject({ value: { code: 0, output: expect.stringContaining('destroyed\n') } });
      expect(outcome).toMatchObject({
        value: { output: expect.stringMatching(/^\w+Error\ndestroyed|^destroyed\n\w+Error/) },
      });
    },
  );
});
