import { parseArgs } from 'node:util';
import { fail } from '../src/cli/fail.ts';
import { Stopped, stopSignal } from '../src/cli/stop_signal.ts';
import { cloneDatabase, createTemplateDatabase, dropTemplateDatabase, startPostgres } from '../src/testing/index.ts';
import { contenders } from './contenders.ts';
import { fill } from './fixture.ts';
import { describeMachine } from './machine.ts';
import { type Amount, measure } from './measure.ts';
import { startNetwork } from './network.ts';
import { describeHeader, describeStage, type Report, resultsOf, type Stage } from './report.ts';
import type { WorkName } from './work.ts';

const help = `npm run bench [-- --quick] [--json]

Measures what it costs to go through row level security with this package: beside pg by hand, in one run, in turns, with
and without 1 ms of network delay. About two minutes; leave the machine alone meanwhile.
The server is DATABASE_URL's (in a database made for it), else a Docker container, else one from node_modules.

--quick  a sixth of the rounds: to see that it runs, and roughly where things stand
--json   the report as JSON on standard output; progress is on standard error

Exit code 0 if all was measured, 1 if something failed, 2 for a wrong flag.`;

const works: readonly WorkName[] = ['list', 'create', 'transaction'];
const delays: readonly (Amount & { delay: number })[] = [
  { delay: 0, rounds: 300, calls: 20 },
  { delay: 1, rounds: 120, calls: 8 },
];

async function run({ quick = false, json = false }: { quick?: boolean; json?: boolean }): Promise<void> {
  const stop = new AbortController();
  const stopped = stopSignal().then((reason) => {
    stop.abort(reason);
    throw reason;
  });
  stopped.catch(() => {});

  // A server that is still starting goes with the process.
  const server = await Promise.race([startPostgres({ log: console.error }), stopped]);
  try {
    const template = await createTemplateDatabase(server);
    try {
      const { connectionString } = await cloneDatabase(server, template);
      const machine = await describeMachine(connectionString, server);
      if (!json) console.log(describeHeader(machine));
      const stages: Stage[] = [];
      for await (const stage of measureAll(connectionString, quick ? 6 : 1, stop.signal)) {
        if (!json) console.log(`\n${describeStage(stage)}`);
        stages.push(stage);
      }
      if (json) console.log(JSON.stringify({ machine, stages } satisfies Report, undefined, 2));
    } finally {
      await dropTemplateDatabase(server, template);
    }
  } finally {
    await server.stop();
  }
}

async function* measureAll(connectionString: string, part: number, signal: AbortSignal): AsyncGenerator<Stage> {
  const people = await fill(connectionString);
  for (const { delay, rounds, calls } of delays) {
    const amount = { rounds: rounds / part, calls };
    const network = delay > 0 ? await startNetwork(connectionString, delay) : undefined;
    try {
      const target = { ...people, connectionString: network?.connectionString ?? connectionString };
      for (const work of works) {
        console.error(`Measuring ${work}, ${delay} ms …`);
        const before = await network?.measure();
        const times = await measure(work, contenders, target, amount, signal);
        const after = await network?.measure();
        const measuredDelay = [before ?? 0, after ?? 0] as const;
        yield { work, delay, measuredDelay, ...amount, results: resultsOf(times) };
      }
    } finally {
      await network?.close();
    }
  }
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: { help: { type: 'boolean', short: 'h' }, quick: { type: 'boolean' }, json: { type: 'boolean' } },
    });
    return values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    process.exit(2);
  }
}

const flags = readFlags();
if (flags.help) {
  console.log(help);
} else {
  await run(flags).catch((error) => {
    if (error instanceof Stopped) process.exit(error.exitCode);
    fail(error);
  });
}
