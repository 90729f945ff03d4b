import type { Contender } from './contenders/contender.ts';
import type { People } from './fixture.ts';
import type { Network } from './network.ts';
import { areSame } from './same_rows.ts';
import type { Work } from './work.ts';

/**
 * Does a work once for everybody who has it, so that nobody is fast by doing less, and more often to count.
 *
 * @returns how many network round trips each needs, once it is connected.
 * @throws {Error} if a contender does not give the rows that the first one gives.
 */
export async function countRoundTrips(
  work: Work,
  contenders: readonly Contender[],
  { connectionString, countRoundTrips }: Network,
  people: People,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  let expected: unknown;
  for (const { name, open } of contenders) {
    const opened = open({ connectionString, connections: 1 });
    try {
      const [call] = work.calls(opened, people);
      if (!call) continue;
      const rows = await call();
      expected ??= rows;
      if (!areSame(rows, expected, { areNew: work.makesRows })) {
        throw new Error(`${name} does not give the rows of ${contenders[0]?.name}: ${work.name}.`);
      }
      // Who sends statements one by one without waiting may be overtaken by an answer: the least of a few calls counts.
      for (let time = 0; time < (work.isLong ? 1 : 5); time++) {
        const before = await countRoundTrips();
        await call();
        const count = (await countRoundTrips()) - before;
        counts.set(name, Math.min(count, counts.get(name) ?? count));
      }
    } finally {
      await opened.close();
    }
  }
  return counts;
}

/**
 * Whether row level security is on for those who say so: they see the user's own expenses without asking for them, and
 * nobody else's.
 *
 * @throws {Error} naming the first for whom it is not as they say.
 */
export async function checkScope(
  contenders: readonly Contender[],
  connectionString: string,
  people: People,
): Promise<void> {
  for (const { name, isScoped, open } of contenders) {
    const { as, close } = open({ connectionString, connections: 1 });
    try {
      for (const { id, expenses } of [people.reader, people.editor]) {
        const seen = await as(id).seen();
        if ((seen === expenses) !== isScoped)
          throw new Error(`${name} sees ${seen} expenses; the user has ${expenses}.`);
      }
    } finally {
      await close();
    }
  }
}
