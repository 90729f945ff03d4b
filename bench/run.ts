import { parseArgs } from 'node:util';
import { fail } from '../src/cli/fail.ts';
import { Stopped, stopSignal } from '../src/cli/stop_signal.ts';
import { cloneDatabase } from '../src/testing/template_database.ts';
import { withTemplateDatabase } from '../src/testing/with_template_database.ts';
import { measureColdStarts } from './cold_start.ts';
import type { Contender } from './contenders/contender.ts';
import { layeredWorks, layers } from './contenders/layers.ts';
import { loadContenders, ownContenders } from './contenders.ts';
import { fill, type People, sweep } from './fixture.ts';
import { dimensions, measureGrowth } from './growth.ts';
import { checkScope, countRoundTrips } from './inspect.ts';
import { describeMachine } from './machine.ts';
import { type Amount, measure } from './measure.ts';
import { startNetwork } from './network.ts';
import {
  describeGrowth,
  describeHeader,
  describeStage,
  describeStarts,
  emptyReport,
  type Report,
  resultsOf,
  type Stage,
} from './report.ts';
import { type Work, works } from './work.ts';
import { readResults, writeResults } from './write_results.ts';

const help = `npm run bench [-- --quick] [--only <part>] [--work <name>] [--delay <ms>] [--rows <n>] [--json] [--write]

Measures what it costs to use this package instead of others: the same server, data, rows out and row level security, in one
run, in turns, with 0, 1 and 5 ms of network delay; then what a call is made of, how the cost of methods grows with what is
stored, and how long a process takes to its first row. About forty minutes; leave the machine alone meanwhile.
The server is DATABASE_URL's (in a database made for it), else a Docker container, else one from node_modules.
The others are installed by npm ci --prefix bench, and left out where they are not.

--quick        a few calls of each, and none of what takes long: to see that it runs
--only <part>  works, layers, growth or starts
--work <name>  only this work, more than once for several: ${works.map(({ name }) => name).join(', ')}
--delay <ms>   only this delay, more than once for several
--rows <n>     how far growth goes, default 1000000
--json         the report as JSON on standard output; progress is on standard error
--write        writes it to docs/benchmarks too, with tables and charts; what a run leaves out stays as it was written

Exit code 0 if all was measured, 1 if something failed, 2 for a wrong flag.`;

const parts = ['works', 'layers', 'growth', 'starts'] as const;

type Flags = {
  quick?: boolean;
  json?: boolean;
  write?: boolean;
  only?: string;
  work?: string[];
  delay?: string[];
  rows?: string;
};

async function run({ quick = false, json = false, write = false, only, work, delay, rows }: Flags): Promise<void> {
  const stop = new AbortController();
  const stopped = stopSignal().then((reason) => {
    stop.abort(reason);
    throw reason;
  });
  stopped.catch(() => {});
  const contenders = await loadContenders();
  const isWanted = (part: (typeof parts)[number]) => only === undefined || only === part;
  const print = (lines: string) => json || console.log(lines);
  const results = new URL('../docs/benchmarks/', import.meta.url);

  await withTemplateDatabase({ log: console.error, stopped }, async ({ server, template }) => {
    const { connectionString } = await cloneDatabase(server, template);
    const machine = await describeMachine(connectionString, server);
    const report: Report = write ? await readResults(results, machine) : emptyReport(machine);
    // After each part, so that a run that is stopped has written what it measured.
    const keep = async (lines: string) => {
      print(`\n${lines}`);
      if (write) await writeResults(results, report);
    };
    print(describeHeader(machine));
    const people = await fill(connectionString);
    const amount = quick ? { rounds: 2, warmUps: 0, turnMillis: 1 } : { rounds: 40, warmUps: 4, turnMillis: 30 };
    if (isWanted('works')) {
      const delays = delay?.map(Number) ?? (quick ? [0, 1] : [0, 1, 5]);
      const names = work ?? works.filter(({ isLong }) => !quick || !isLong).map(({ name }) => name);
      for await (const stage of measureAll(
        contenders,
        connectionString,
        people,
        { names, delays, amount },
        stop.signal,
      )) {
        replace(report.stages, stage, ({ work, delay }) => work === stage.work && delay === stage.delay);
        report.stages.sort((one, other) => placeOf(one) - placeOf(other));
        await keep(describeStage(stage));
      }
    }
    if (isWanted('layers')) {
      const wanted = { names: layeredWorks, delays: [0], amount };
      for await (const stage of measureAll(layers, connectionString, people, wanted, stop.signal)) {
        replace(report.layers, stage, ({ work }) => work === stage.work);
        await keep(describeStage(stage));
      }
    }
    if (isWanted('starts') && contenders.length > ownContenders.length) {
      console.error('Measuring: cold starts …');
      report.starts.splice(
        0,
        Number.POSITIVE_INFINITY,
        ...(await measureColdStarts(connectionString, people, quick ? 1 : 25, stop.signal)),
      );
      await keep(describeStarts(report.starts));
    }
    for (const dimension of isWanted('growth') ? dimensions : []) {
      console.error(`Measuring: ${dimension.title} …`);
      const empty = await cloneDatabase(server, template);
      const most = { rows: Number(rows ?? (quick ? 100 : 1_000_000)), calls: quick ? 3 : 60 };
      const growth = await measureGrowth(dimension, empty.connectionString, most, stop.signal);
      await empty.drop();
      replace(report.growth, growth, ({ name }) => name === growth.name);
      await keep(describeGrowth(growth));
    }
    if (json) console.log(JSON.stringify(report, undefined, 2));
  });
}

/** In its place if it was measured before, else at the end. */
function replace<T>(list: T[], measured: T, isSame: (other: T) => boolean): void {
  const place = list.findIndex(isSame);
  list.splice(place < 0 ? list.length : place, 1, measured);
}

function placeOf({ work, delay }: Stage): number {
  return delay * works.length + works.findIndex(({ name }) => name === work);
}

type Wanted = { names: readonly string[]; delays: readonly number[]; amount: Amount };

async function* measureAll(
  contenders: readonly Contender[],
  connectionString: string,
  people: People,
  { names, delays, amount }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<Stage> {
  await checkScope(contenders, connectionString, people);
  const network = await startNetwork(connectionString);
  const wanted = works.filter(({ name }) => names.includes(name));
  try {
    const roundTrips = new Map<Work, ReadonlyMap<string, number>>();
    for (const work of wanted) {
      console.error(`Counting: ${work.title} …`);
      roundTrips.set(work, await countRoundTrips(work, contenders, network, people));
    }
    for (const delay of delays) {
      let before = await network.setDelay(delay);
      for (const work of wanted) {
        console.error(`Measuring: ${work.title}, ${delay} ms …`);
        const way = delay > 0 ? network.connectionString : connectionString;
        const part = work.isLong ? 8 : 1;
        const times = { ...amount, rounds: Math.ceil(amount.rounds / part), warmUps: Math.ceil(amount.warmUps / part) };
        const measured = await measure(work, contenders, way, people, times, signal);
        const results = resultsOf(measured, (name) => ({
          isScoped: contenders.some((contender) => contender.name === name && contender.isScoped),
          roundTrips: roundTrips.get(work)?.get(name) ?? Number.NaN,
        }));
        const after = delay > 0 ? await network.measure() : 0;
        yield { work: work.name, title: work.title, delay, measuredDelay: [before, after], ...times, results };
        before = after;
        await sweep(connectionString, people);
      }
    }
  } finally {
    await network.close();
  }
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        write: { type: 'boolean' },
        only: { type: 'string' },
        rows: { type: 'string' },
        work: { type: 'string', multiple: true },
        delay: { type: 'string', multiple: true },
      },
    });
    if (values.only !== undefined && !parts.some((part) => part === values.only)) {
      throw new Error(`--only takes ${parts.join(', ')}.`);
    }
    const names = works.map(({ name }) => name);
    const unknown = values.work?.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new Error(`--work "${unknown}": it takes ${names.join(', ')}.`);
    const isWhole = (text: string) => /^\d{1,7}$/.test(text);
    if (!(values.delay ?? []).every(isWhole)) throw new Error('--delay takes whole milliseconds, such as 1.');
    if (values.rows !== undefined && !isWhole(values.rows)) throw new Error('--rows takes a number, such as 100000.');
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
