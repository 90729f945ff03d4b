import { connect } from '../../src/session/connect.ts';
import { cloneDatabase, type ServerAddress } from '../../src/testing/template_database.ts';
import type { Mutant } from './mutants.ts';
import type { RelevantTests } from './relevant_tests.ts';
import type { Outcome, Result, Results } from './results.ts';
import { openTestLane, type Target, type TestLane } from './test_lane.ts';

export type Work = {
  readonly server: ServerAddress;
  /** The database of which every mutant is a clone. */
  readonly template: string;
  readonly mutants: readonly Mutant[];
  readonly tests: RelevantTests;
  readonly results: Results;
  readonly isEquivalent: (mutant: Mutant) => boolean;
  /** Is told of each test file that fails without a mutant, too: it can tell nothing. */
  readonly onUnfit: (file: string) => void;
  /** Is told of each result, also of those that were there already. */
  readonly onResult: (mutant: Mutant, result: Result) => void;
  readonly signal: AbortSignal;
};

/**
 * Runs tests against each mutant, two mutants at a time: the likeliest tests against all, then the others against those
 * that have survived.
 *
 * @throws the reason of `signal`
 */
export async function killMutants(work: Work): Promise<void> {
  const { server, mutants, tests, results, isEquivalent, onResult, signal } = work;
  const lanes = await Promise.all([openTestLane(server.connectionString), openTestLane(server.connectionString)]);
  const stop = () => lanes.map((lane) => lane.cancel());
  signal.addEventListener('abort', stop);
  const fit = new Map<string, Promise<boolean>>();
  const survivors: Mutant[] = [];
  try {
    await inLanes(lanes, mutants, signal, async (lane, mutant) => {
      const known = results.of(mutant);
      const listed = isEquivalent(mutant);
      if (known && (known.outcome === 'killed' || (known.outcome === 'equivalent') === listed)) {
        return onResult(mutant, known);
      }
      if (results.isPostponed(mutant) && !listed) return void survivors.push(mutant);
      const targets = lastKillerFirst(results.killerOf(mutant), tests.first(mutant));
      const ended = await attack(work, lane, fit, mutant, listed ? targets.slice(0, 1) : targets);
      if (ended.outcome === 'survived' && !listed) {
        results.postpone(mutant);
        return void survivors.push(mutant);
      }
      const outcome = ended.outcome === 'survived' ? 'equivalent' : ended.outcome;
      onResult(mutant, results.add(mutant, { ...ended, outcome }));
    });
    await inLanes(lanes, survivors, signal, async (lane, mutant) => {
      onResult(mutant, results.add(mutant, await attack(work, lane, fit, mutant, tests.others(mutant))));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

/** What killed it before the last change will most likely do so again. */
function lastKillerFirst(file: string | undefined, targets: readonly Target[]): readonly Target[] {
  if (file === undefined) return targets;
  const known = targets.filter((target) => target.file === file);
  return [...(known.length > 0 ? known : [{ file }]), ...targets.filter((target) => target.file !== file)];
}

async function inLanes<Item>(
  lanes: readonly TestLane[],
  items: readonly Item[],
  signal: AbortSignal,
  action: (lane: TestLane, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const item of waiting) {
        signal.throwIfAborted();
        await action(lane, item);
      }
    }),
  );
}

/** Makes the mutant and runs tests against it, one file after the other, up to the first that fails. */
async function attack(
  { server, template, onUnfit, signal }: Work,
  lane: TestLane,
  fit: Map<string, Promise<boolean>>,
  mutant: Mutant,
  targets: readonly Target[],
): Promise<{ outcome: Outcome; by?: string }> {
  const database = await cloneDatabase(server, template);
  try {
    const client = await connect(database.connectionString);
    try {
      await client.query(mutant.sql);
    } catch (error) {
      return { outcome: 'failed', by: error instanceof Error ? error.message : String(error) };
    } finally {
      await client.end();
    }
    const name = new URL(database.connectionString).pathname.slice(1);
    for (const target of targets) {
      const ended = await lane.run(name, target);
      signal.throwIfAborted();
      if (ended === 'passed') continue;
      const key = `${target.file} ${target.testNamePattern}`;
      const isFit = fit.get(key) ?? lane.run(template, target).then((ended) => ended === 'passed');
      if (!fit.has(key)) void isFit.then((is) => is || onUnfit(target.file));
      fit.set(key, isFit);
      const counts = await isFit;
      signal.throwIfAborted();
      if (!counts) continue;
      return { outcome: 'killed', by: target.file };
    }
    return { outcome: 'survived' };
  } finally {
    await database.drop();
  }
}
