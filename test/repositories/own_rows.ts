import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  ConflictError,
  CursorError,
  NotFoundError,
  type OnBehalfRepositories,
  PermissionError,
  UniqueError,
  type UserRepositories,
  ValidationError,
} from '../../src/index.ts';
import type { Page } from '../../src/types.ts';
import type { FileSessions, Person } from './sessions.ts';

type OwnRow = { id: string; user_id: string; version: number; created_at: Date; updated_at: Date };

type Writer<Row, Input, Patch> = {
  create(input: Input): Promise<Row>;
  createMany(inputs: readonly Input[]): Promise<Row[]>;
  list(request: { limit?: number; cursor?: string | null }): Promise<Page<Row>>;
  update(id: string, patch: Patch, options?: { if_version?: number }): Promise<Row>;
  delete(id: string): Promise<boolean>;
};

type Repository<Row, Input, Patch> = Writer<Row, Input, Patch> & {
  find(id: string): Promise<Row | undefined>;
  get(id: string): Promise<Row>;
};

/** What every repository of rows with one owner promises; `input` makes rows that nobody else may see. */
export function testOwnRows<Row extends OwnRow, Input, Patch extends object>(
  sessions: FileSessions,
  {
    table,
    sortedBy,
    repository,
    onBehalf,
    input,
    patch,
  }: {
    table: string;
    sortedBy: 'created_at' | 'date';
    repository: (session: UserRepositories) => Repository<Row, Input, Patch>;
    onBehalf: (session: OnBehalfRepositories) => Writer<Row, Input, Patch>;
    input: (id?: string) => Input;
    patch: Patch;
  },
): void {
  const inputs = (count: number) => Array.from({ length: count }, () => input());

  async function make(): Promise<{ alice: Person; mine: Repository<Row, Input, Patch>; row: Row }> {
    const alice = await sessions.signUp();
    const mine = repository(alice);
    return { alice, mine, row: await mine.create(input()) };
  }

  async function stored(where: string, values: unknown[]): Promise<unknown[]> {
    return (await sessions.admin.query(`select * from ${table} where ${where}`, values)).rows;
  }

  describe('a new row', () => {
    test('is its user’s, has an id, a version and timestamps, and can be read', async () => {
      const { alice, mine, row } = await make();
      expect(row).toMatchObject({ user_id: alice.id, version: 1 });
      expect(row.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(row.created_at).toBeInstanceOf(Date);
      expect(row.updated_at).toBeInstanceOf(Date);
      expect(await mine.find(row.id)).toEqual(row);
      expect(await mine.get(row.id.toUpperCase())).toEqual(row);
      expect((await mine.list({})).items).toEqual([row]);
    });

    test('that is sent twice is made once, and the stored row comes back', async () => {
      const { mine } = await make();
      const id = randomUUID();
      const first = await mine.create(input(id));
      const changed = await mine.update(id, patch);
      expect(await mine.create(input(id.toUpperCase()))).toEqual(changed);
      expect(changed.id).toBe(first.id);
      expect(await stored('id = $1', [id])).toHaveLength(1);
    });

    test('that sixteen connections send at once is made once, and all get it', async () => {
      const { mine } = await make();
      const id = randomUUID();
      const rows = await sessions.sixteenTimes(table, () => mine.create(input(id)));
      expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(1);
      expect(await stored('id = $1', [id])).toHaveLength(1);
    });

    test('may not take the id of somebody else’s, which stays as it is', async () => {
      const { mine, row } = await make();
      const bob = await sessions.signUp();
      await expect(repository(bob).create(input(row.id))).rejects.toThrow(UniqueError);
      await expect(onBehalf(sessions.database.asService().onBehalfOf(bob.id)).create(input(row.id))).rejects.toThrow(
        UniqueError,
      );
      expect(await mine.get(row.id)).toEqual(row);
    });

    test('has no field that nobody knows, and not another owner', async () => {
      const { mine } = await make();
      for (const field of [{ colour: 'red' }, { user_id: randomUUID() }, { version: 7 }, { created_at: new Date() }]) {
        await expect(mine.create({ ...input(), ...field })).rejects.toThrow(ValidationError);
      }
      await expect(mine.create(input('42'))).rejects.toThrow(ValidationError);
    });
  });

  describe('many new rows', () => {
    test('come back in the order given, those made before among them', async () => {
      const { mine } = await make();
      const ids = Array.from({ length: 9 }, () => randomUUID());
      await mine.createMany(ids.slice(3, 6).map((id) => input(id)));
      const rows = await mine.createMany([...ids, ids[0]].map((id) => input(id)));
      expect(rows.map(({ id }) => id)).toEqual([...ids, ids[0]]);
      expect(await mine.createMany([])).toEqual([]);
    });

    test('that two devices send at once, in other orders, are made once', async () => {
      const { mine } = await make();
      const ids = Array.from({ length: 500 }, () => randomUUID());
      const sent = [ids, ids.toReversed()];
      const rows = await Promise.all(sent.map((order) => mine.createMany(order.map((id) => input(id)))));
      expect(rows.map((made) => made.map(({ id }) => id))).toEqual(sent);
      expect(await stored('id = any($1)', [ids])).toHaveLength(500);
    });

    test('are all made or none, if one has the id of somebody else’s', async () => {
      const { row } = await make();
      const bob = await sessions.signUp();
      await expect(repository(bob).createMany([...inputs(2), input(row.id)])).rejects.toThrow(UniqueError);
      expect(await stored('user_id = $1', [bob.id])).toHaveLength(0);
    });
  });

  describe('a row that is not there', () => {
    test('is undefined or a NotFoundError, as is somebody else’s', async () => {
      const { row } = await make();
      const bob = repository(await sessions.signUp());
      for (const id of [row.id, randomUUID()]) {
        expect(await bob.find(id)).toBeUndefined();
        await expect(bob.get(id)).rejects.toThrow(NotFoundError);
        await expect(bob.update(id, patch)).rejects.toThrow(NotFoundError);
        await expect(bob.update(id, patch, { if_version: 1 })).rejects.toThrow(NotFoundError);
        expect(await bob.delete(id)).toBe(false);
      }
      expect((await bob.list({})).items).toEqual([]);
      expect(await stored('id = $1 and version = 1', [row.id])).toHaveLength(1);
    });

    test('is a ValidationError if its id is none', async () => {
      const { mine } = await make();
      await expect(mine.find('42')).rejects.toThrow(ValidationError);
      await expect(mine.get('42')).rejects.toThrow(ValidationError);
      await expect(mine.update('42', patch)).rejects.toThrow(ValidationError);
      await expect(mine.delete('42')).rejects.toThrow(ValidationError);
    });
  });

  describe('a list', () => {
    /** Pairs of rows share a date, or a timestamp: a microsecond from the next pair’s, which a `Date` could not tell. */
    async function spread(user_id: string): Promise<string[]> {
      const step =
        sortedBy === 'date' ? "'2026-01-01'::date +" : "'2026-01-01'::timestamptz + interval '1 microsecond' *";
      await sessions.admin.query(
        `update ${table} t set ${sortedBy} = ${step} (place / 2)
          from (select id, row_number() over (order by id)::int as place from ${table} where user_id = $1) as placed
          where placed.id = t.id`,
        [user_id],
      );
      const order = `select id from ${table} where user_id = $1 order by ${sortedBy} desc, id desc`;
      return (await sessions.admin.query<{ id: string }>(order, [user_id])).rows.map(({ id }) => id);
    }

    test('gives every row once, newest first, page by page', async () => {
      const { alice, mine } = await make();
      await mine.createMany(inputs(24));
      const order = await spread(alice.id);
      const sizes = [];
      const seen = [];
      let cursor: string | null = null;
      do {
        const page: Page<Row> = await mine.list({ limit: 7, cursor });
        sizes.push(page.items.length);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.next_cursor;
      } while (cursor);
      expect(sizes).toEqual([7, 7, 7, 4]);
      expect(seen).toEqual(order);
    });

    test('neither loses nor repeats a row while others come and go between pages', async () => {
      const { alice, mine } = await make();
      await mine.createMany(inputs(29));
      const order = await spread(alice.id);
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Page<Row> = await mine.list({ limit: 4, cursor });
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.next_cursor;
        const last = seen.at(-1) ?? '';
        // One that is newer than all, one beside the row that the cursor stands on, and then that row goes.
        const [, beside] = await mine.createMany(inputs(2));
        await sessions.admin.query(
          `update ${table} set ${sortedBy} = (select ${sortedBy} from ${table} where id = $1) where id = $2`,
          [last, beside?.id],
        );
        await mine.delete(last);
      } while (cursor && seen.length < 60);
      expect(seen.filter((id) => order.includes(id))).toEqual(order);
      expect(new Set(seen).size).toBe(seen.length);
    });

    test('has 20 rows unless told otherwise, from 1 to 100', async () => {
      const { mine } = await make();
      await mine.createMany(inputs(104));
      expect((await mine.list({})).items).toHaveLength(20);
      expect((await mine.list({ limit: 1 })).items).toHaveLength(1);
      expect((await mine.list({ limit: 100 })).items).toHaveLength(100);
      for (const limit of [0, 101, 1.5, -1, Number.NaN]) {
        await expect(mine.list({ limit })).rejects.toThrow(ValidationError);
      }
    });

    test('refuses a cursor that is malformed or of another list', async () => {
      const { alice, mine } = await make();
      await mine.create(input());
      const { next_cursor } = await mine.list({ limit: 1 });
      const others = [alice.trips, alice.expenses, alice.income, alice.budgets, alice.places, alice.posts];
      await alice.trips.createMany([{ name: 'a' }, { name: 'b' }]);
      await alice.expenses.createMany([1, 2].map((amount) => ({ amount, category: 'fuel' })));
      await alice.income.createMany([1, 2].map((amount) => ({ amount, source: 'work' })));
      await alice.budgets.createMany([1, 2].map((amount) => ({ amount, period: 'weekly' as const })));
      await alice.places.createMany(
        ['a', 'b'].map((name) => ({ name, kind: 'water' as const, location: { lat: 1, lng: 2 } })),
      );
      await alice.posts.createMany(['a', 'b'].map((title) => ({ title, content: 'x' })));
      const cursors = await Promise.all(others.map(async (other) => (await other.list({ limit: 1 })).next_cursor));
      const foreign = cursors.filter((cursor) => !sameList(cursor, next_cursor));
      expect(foreign).toHaveLength(others.length - 1);
      const text = Buffer.from(next_cursor ?? '', 'base64url').toString();
      const forged = [
        text.replace(/\d{4}-/, '9999999-'),
        text.replace('",', '"x",'),
        text.replace(/,[^,]*$/, ']'),
        '[]',
      ];
      const malformed = ['x', '%', 'null', next_cursor?.slice(0, -9), ...forged.map((json) => encode(json))];
      for (const cursor of [...foreign, ...malformed]) await expect(mine.list({ cursor })).rejects.toThrow(CursorError);
    });
  });

  describe('an update', () => {
    test('changes the named fields, the version and the time', async () => {
      const { mine, row } = await make();
      const changed = await mine.update(row.id, patch);
      expect(changed).toEqual({ ...row, ...patch, version: 2, updated_at: changed.updated_at });
      expect(changed.updated_at.valueOf()).toBeGreaterThan(row.updated_at.valueOf());
      expect(await mine.get(row.id)).toEqual(changed);
    });

    test('with if_version changes what was read, or nothing', async () => {
      const { mine, row } = await make();
      const changed = await mine.update(row.id, patch, { if_version: 1 });
      await expect(mine.update(row.id, patch, { if_version: 1 })).rejects.toThrow(ConflictError);
      await expect(mine.update(row.id, patch, { if_version: 3 })).rejects.toThrow(ConflictError);
      expect(await mine.get(row.id)).toEqual(changed);
    });

    test('with the same if_version from sixteen devices at once is made once', async () => {
      const { mine, row } = await make();
      const outcomes = await sessions.sixteenTimes(table, () =>
        mine.update(row.id, patch, { if_version: 1 }).catch((error: unknown) => error),
      );
      expect(outcomes.filter((outcome) => outcome instanceof ConflictError)).toHaveLength(15);
      expect(await mine.get(row.id)).toMatchObject({ version: 2 });
    });

    test.each<[string, object]>([
      ['nothing', {}],
      ['nothing but undefined', Object.fromEntries(Object.keys(patch).map((key) => [key, undefined]))],
      ['a field that nobody knows', { ...patch, colour: 'red' }],
      ['the owner', { ...patch, user_id: randomUUID() }],
      ['the id', { ...patch, id: randomUUID() }],
      ['the version', { ...patch, version: 9 }],
    ])('may not change %s', async (_, wrong) => {
      const { mine, row } = await make();
      await expect(mine.update(row.id, wrong as Patch)).rejects.toThrow(ValidationError);
      expect(await mine.get(row.id)).toEqual(row);
    });
  });

  test('a deleted row is gone, and deleting it again deletes nothing', async () => {
    const { mine, row } = await make();
    expect(await mine.delete(row.id)).toBe(true);
    expect(await mine.delete(row.id)).toBe(false);
    expect(await mine.find(row.id)).toBeUndefined();
  });

  test('a suspended user reads their rows and changes none', async () => {
    const { alice, mine, row } = await make();
    await sessions.suspend(alice);
    expect(await mine.get(row.id)).toEqual(row);
    await expect(mine.create(input())).rejects.toThrow(PermissionError);
    await expect(mine.create(input(row.id))).rejects.toThrow(PermissionError);
    await expect(mine.update(row.id, patch)).rejects.toThrow(PermissionError);
    await expect(mine.delete(row.id)).rejects.toThrow(PermissionError);
    expect(await mine.delete(randomUUID())).toBe(false);
    expect(await stored('user_id = $1', [alice.id])).toHaveLength(1);
  });

  test('the service touches the rows of the user it acts for, and of nobody else', async () => {
    const { mine, row } = await make();
    const bob = await sessions.signUp();
    const forBob = onBehalf(sessions.database.asService().onBehalfOf(bob.id));
    const made = await forBob.create(input());
    expect(made.user_id).toBe(bob.id);
    expect((await forBob.list({})).items).toEqual([made]);
    expect(await repository(bob).get(made.id)).toEqual(made);
    expect(await forBob.update(made.id, patch, { if_version: 1 })).toMatchObject(patch);
    await expect(forBob.update(row.id, patch)).rejects.toThrow(NotFoundError);
    await expect(forBob.update(row.id, patch, { if_version: 1 })).rejects.toThrow(NotFoundError);
    expect(await forBob.delete(row.id)).toBe(false);
    expect(await forBob.delete(made.id)).toBe(true);
    expect(await mine.get(row.id)).toEqual(row);
  });
}

function encode(json: string): string {
  return Buffer.from(json).toString('base64url');
}

function sameList(one: string | null, other: string | null): boolean {
  const [a, b] = [one, other].map((cursor) => JSON.parse(Buffer.from(cursor ?? '', 'base64url').toString())[0]);
  return a === b;
}
