import type { Contender, Target } from './contenders/contender.ts';
import { isDone, type Work, type WorkName } from './work.ts';

export type Amount = {
  /** How often everybody has a turn. */
  readonly rounds: number;
  /** How often the work is done in a turn, one after the other. */
  readonly calls: number;
};

/** What one contender needed: microseconds a call, the mean of each round. */
export type Times = { readonly name: string; readonly micros: readonly number[] };

const warmUpRounds = 10;

/**
 * Measures one work of all contenders who have it, in turns that follow each other closely: what disturbs the machine
 * disturbs all. The order is turned round each time, so that nobody always comes after the same one. Everybody has one
 * connection.
 *
 * @throws {Error} if a contender does not give the rows that the work asks for; the reason of `signal` if that is aborted.
 */
export async function measure(
  name: WorkName,
  contenders: readonly Contender[],
  target: Target,
  { rounds, calls }: Amount,
  signal: AbortSignal,
): Promise<Times[]> {
  const opened = contenders.map((contender) => ({ contender, ...contender.open(target) }));
  try {
    const entrants: { name: string; work: Work; micros: number[] }[] = [];
    for (const { contender, works } of opened) {
      const work = works[name];
      if (!work) continue;
      if (!(await isDone(name, works, target.reader))) {
        throw new Error(`${contender.name} does not give the rows that the work ${name} asks for.`);
      }
      entrants.push({ name: contender.name, work, micros: [] });
    }
    for (let round = -warmUpRounds; round < rounds; round++) {
      for (const { work, micros } of entrants) {
        signal.throwIfAborted();
        const mean = await turn(work, calls);
        if (round >= 0) micros.push(mean);
      }
      entrants.reverse();
    }
    return contenders.flatMap((contender) => entrants.filter((entrant) => entrant.name === contender.name));
  } finally {
    for (const { close } of opened) await close();
  }
}

async function turn(work: Work, calls: number): Promise<number> {
  // The first brings the server's process and its connection back to life, after the turns of the others.
  await work();
  const start = performance.now();
  for (let call = 0; call < calls; call++) await work();
  return ((performance.now() - start) / calls) * 1000;
}
