import type { Contender } from './contenders/contender.ts';
import type { People } from './fixture.ts';
import type { Call, Work } from './work.ts';

export type Amount = {
  /** How often everybody has a turn. */
  readonly rounds: number;
  /** How many turns come before them and do not count. */
  readonly warmUps: number;
  /** How long a turn lasts: the call that runs by then is the last one. */
  readonly turnMillis: number;
};

/** What one contender needed, in microseconds. */
export type Times = {
  readonly name: string;
  /** From one answer to the next, the mean of each round: with several users at once, shorter than a call takes. */
  readonly micros: readonly number[];
  /** Of this process, a call, the mean of each round. */
  readonly cpuMicros: readonly number[];
  /** Of each call. */
  readonly latencies: readonly number[];
};

/**
 * Measures one work of all contenders who have it, in turns that follow each other closely: what disturbs the machine
 * disturbs all. The order is turned round each time, so that nobody always comes after the same one.
 *
 * @throws the reason of `signal` if that is aborted.
 */
export async function measure(
  { connections, calls, isLong }: Work,
  contenders: readonly Contender[],
  connectionString: string,
  people: People,
  { rounds, warmUps, turnMillis }: Amount,
  signal: AbortSignal,
): Promise<Times[]> {
  const opened = contenders.map(({ name, open }) => ({ name, ...open({ connectionString, connections }) }));
  try {
    const entrants = opened
      .map((each) => ({
        name: each.name,
        calls: calls(each, people),
        micros: [] as number[],
        cpuMicros: [] as number[],
        latencies: [] as number[],
      }))
      .filter((entrant) => entrant.calls.length > 0);
    const inTurn = [...entrants];
    for (let round = -warmUps; round < rounds; round++) {
      for (const entrant of inTurn) {
        signal.throwIfAborted();
        // The first call brings the server's processes and their connections back to life, after the turns of the others.
        if (!isLong) await Promise.all(entrant.calls.map((call) => call()));
        const turn = await takeTurn(entrant.calls, turnMillis);
        if (round < 0) continue;
        entrant.micros.push(turn.micros);
        entrant.cpuMicros.push(turn.cpuMicros);
        for (const latency of turn.latencies) entrant.latencies.push(latency);
      }
      inTurn.reverse();
    }
    return entrants;
  } finally {
    for (const { close } of opened) await close();
  }
}

type Turn = { micros: number; cpuMicros: number; latencies: number[] };

async function takeTurn(calls: readonly Call[], millis: number): Promise<Turn> {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(
    calls.map(async (call) => {
      for (let now = start; now < start + millis; ) {
        await call();
        const end = performance.now();
        latencies.push((end - now) * 1000);
        now = end;
      }
    }),
  );
  const micros = ((performance.now() - start) * 1000) / latencies.length;
  const { user, system } = process.cpuUsage(cpu);
  return { micros, cpuMicros: (user + system) / latencies.length, latencies };
}
