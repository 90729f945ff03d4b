import type { Opened } from './contenders/contender.ts';
import type { People } from './fixture.ts';

export type NewExpense = { amount: string; currency: string; category: string; description: string; date: string };
export type NewTrip = { name: string; currency: string; budget_total: string };
/** Where a page of the feed begins: after this post. */
export type Position = { created_at: string; id: string };

type Row = object | undefined;

/** What a contender does as one user. Rows have all the columns that the repositories give. */
export type Works = {
  /** How many expenses there are for this user, without a condition: under row level security, their own. */
  seen(): Promise<number>;
  get(id: string): Promise<Row>;
  /** The 20 newest; one row more is read, which tells whether others follow. */
  list(): Promise<readonly object[]>;
  filter(filter: { category: string; since: string }): Promise<readonly object[]>;
  create(expense: NewExpense): Promise<Row>;
  createMany(expenses: readonly NewExpense[]): Promise<readonly object[]>;
  update(id: string, description: string): Promise<Row>;
  /** In one transaction: a trip, an expense in it, another name for the trip. */
  plan?: ((trip: NewTrip, expense: NewExpense) => Promise<readonly Row[]>) | undefined;
  /** 20 public posts with their authors, newest first. */
  feed(after?: Position): Promise<readonly object[]>;
  search(term: string): Promise<readonly object[]>;
  totals(days: { since: string; until: string }): Promise<readonly object[]>;
  append(conversation: string, content: string): Promise<Row>;
};

/** One piece of work, which may be done any number of times. */
export type Call = () => Promise<unknown>;

/** What is measured. */
export type Work = {
  readonly name: string;
  readonly title: string;
  /** A call takes so long that a few of them must do. */
  readonly isLong: boolean;
  readonly connections: number;
  /** Whether each call makes rows, which are not the same as another call's. */
  readonly makesRows: boolean;
  /** The calls that go on at the same time, each over and over. None if the contender does not have the work. */
  calls(opened: Opened, people: People): readonly Call[];
};

const days = { since: '2026-02-01', until: '2026-06-30' };

/** An expense as a traveller enters it at the pump; the rest is left to the database. */
function newExpense(number = 1): NewExpense {
  return {
    amount: `${42 + (number % 900)}.50`,
    currency: 'USD',
    category: 'fuel',
    description: `Diesel at corner ${number}`,
    date: '2026-10-01',
  };
}

const trip: NewTrip = { name: 'Big Lap', currency: 'USD', budget_total: '9000.00' };

function alone(name: string, title: string, call: (opened: Opened, people: People) => Call | undefined): Work {
  return {
    name,
    title,
    isLong: false,
    connections: 1,
    makesRows: /create|transaction|append|update/.test(name),
    calls: (opened, people) => [call(opened, people)].filter((each) => each !== undefined),
  };
}

function many(count: number): Work {
  const expenses = Array.from({ length: count }, (_, number) => newExpense(number));
  const { calls, ...work } = alone(
    `create ${count}`,
    count === 1 ? 'One expense, as a list' : `${count.toLocaleString('en')} expenses at once`,
    (opened, people) => {
      const works = opened.as(people.writer.id);
      return () => works.createMany(expenses);
    },
  );
  return { ...work, isLong: count > 1000, calls };
}

export const works: readonly Work[] = [
  alone('get', 'One expense by its key', (opened, { reader }) => {
    const works = opened.as(reader.id);
    return () => works.get(reader.newest);
  }),
  alone('list', 'The newest 20 expenses', (opened, { reader }) => opened.as(reader.id).list),
  alone('filter', 'The newest 20 of a category since a day', (opened, { reader }) => {
    const works = opened.as(reader.id);
    return () => works.filter({ category: 'fuel', since: days.since });
  }),
  alone('create', 'Recording an expense', (opened, { writer }) => {
    const works = opened.as(writer.id);
    return () => works.create(newExpense());
  }),
  alone('update', 'Another description for an expense', (opened, { editor }) => {
    const works = opened.as(editor.id);
    return () => works.update(editor.newest, 'Diesel, and a coffee');
  }),
  many(1),
  many(100),
  many(10_000),
  alone(
    'transaction',
    'A transaction of three writes: a trip, an expense in it, the trip again',
    (opened, { writer }) => {
      const { plan } = opened.as(writer.id);
      return plan && (() => plan(trip, newExpense()));
    },
  ),
  alone('feed 1', 'The public feed, page 1', (opened, { reader }) => {
    const works = opened.as(reader.id);
    return () => works.feed();
  }),
  alone('feed 500', 'The public feed, page 500', (opened, { reader, page500 }) => {
    const works = opened.as(reader.id);
    return () => works.feed(page500);
  }),
  alone('search', 'Searching posts', (opened, { reader }) => {
    const works = opened.as(reader.id);
    return () => works.search('dust storm');
  }),
  alone('totals', 'Totals by category', (opened, { reader }) => {
    const works = opened.as(reader.id);
    return () => works.totals(days);
  }),
  alone('append', "A message in PAM's conversation", (opened, { writer }) => {
    const works = opened.as(writer.id);
    return () => works.append(writer.conversation, 'Where is diesel cheap?');
  }),
  {
    name: '16 users',
    title: 'The newest 20 expenses, 16 users at once on 4 connections',
    isLong: false,
    connections: 4,
    makesRows: false,
    calls: (opened, { crowd }) => crowd.map((id) => opened.as(id).list),
  },
];
