import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fail } from '../../src/cli/fail.ts';
import { Stopped, stopSignal } from '../../src/cli/stop_signal.ts';
import { connect } from '../../src/session/connect.ts';
import { cloneDatabase, type ServerAddress } from '../../src/testing/template_database.ts';
import { withTemplateDatabase } from '../../src/testing/with_template_database.ts';
import { equivalents } from './equivalent.ts';
import { killMutants } from './kill_mutants.ts';
import { type Kind, kinds, type Mutant, readMutants } from './mutants.ts';
import { relevantTests } from './relevant_tests.ts';
import { describeProgress, describeReport, exitCodeOf, reportOf } from './report.ts';
import { openResults, type Result } from './results.ts';

const help = `npm run mutants [-- --kind <kind>] [--only <text>] [--sample <n>] [--fresh] [--json]

Takes the migrated schema apart, one piece at a time (a policy dropped or loosened, a privilege given or taken, a
constraint, a trigger, a guard in a function gone …), and runs the tests of behaviour against each such mutant, on a clone
of the database. A mutant that no test notices has survived: the tests lack something, or the schema has too much.
The server is DATABASE_URL's (in databases made for this), else a Docker container, else one from node_modules.

--kind <kind>   ${kinds.join(', ')}; may be repeated
--only <text>   mutants whose name contains this
--sample <n>    so many of them, evenly spread, always the same
--fresh         forgets the results so far. They are kept in .mutants.jsonl as long as migrations and tests stay the
                same: a run that was stopped (Ctrl-C) goes on where it was
--json          the report as JSON on standard output; progress is on standard error

Exit code 0 if every mutant was killed, 1 if one survived or something failed, 2 for a wrong flag.`;

const folder = fileURLToPath(new URL('../..', import.meta.url));

async function run({ kind, only = '', sample, fresh = false, json = false }: Flags): Promise<number> {
  const began = Date.now();
  const stop = new AbortController();
  const stopped = stopSignal().then((reason) => {
    stop.abort(reason);
    throw reason;
  });
  stopped.catch(() => {});

  return await withTemplateDatabase({ log: console.error, stopped }, async ({ server, template }) => {
    const all = await mutantsOf(server, template);
    const chosen = all.filter((mutant) => (kind?.includes(mutant.kind) ?? true) && mutant.id.includes(only));
    const mutants = sample === undefined ? chosen : spread(chosen, sample);
    const ended = new Map<Mutant, Result>();
    const unfit = new Set<string>();
    await killMutants({
      server,
      template,
      mutants,
      tests: relevantTests(folder),
      results: openResults(`${folder}/.mutants.jsonl`, folder, { fresh }),
      isEquivalent,
      onUnfit: (file) => {
        unfit.add(file);
        console.error(`${file} fails on the schema as it is, and tells nothing of mutants.`);
      },
      onResult: (mutant, result) => {
        ended.set(mutant, result);
        const progress = describeProgress(ended, mutants.length, Date.now() - began);
        if (progress) console.error(progress);
      },
      signal: stop.signal,
    });
    const unused = equivalents.filter((one) => !all.some(({ id }) => one.id.test(id))).map(({ id }) => String(id));
    const contradicted = mutants.filter((mutant) => isEquivalent(mutant) && ended.get(mutant)?.outcome === 'killed');
    const stale = [...unused, ...contradicted.map((mutant) => `${mutant.id}: killed by ${ended.get(mutant)?.by}`)];
    const report = reportOf(mutants, ended, { stale, unfit: [...unfit] }, Date.now() - began);
    console.log(json ? JSON.stringify(report, undefined, 2) : describeReport(report));
    return exitCodeOf(report);
  });
}

function isEquivalent({ id }: Mutant): boolean {
  return equivalents.some((one) => one.id.test(id));
}

async function mutantsOf(server: ServerAddress, template: string): Promise<Mutant[]> {
  const { connectionString, drop } = await cloneDatabase(server, template);
  const client = await connect(connectionString);
  try {
    return await readMutants(client);
  } finally {
    await client.end();
    await drop();
  }
}

/** So many of them at even distances, or all if there are no more. */
function spread(mutants: readonly Mutant[], count: number): Mutant[] {
  return mutants.filter(
    (_, place) => Math.floor((place * count) / mutants.length) !== Math.floor(((place - 1) * count) / mutants.length),
  );
}

type Flags = ReturnType<typeof readFlags>;

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        kind: { type: 'string', multiple: true },
        only: { type: 'string' },
        sample: { type: 'string' },
        fresh: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    const unknown = values.kind?.find((kind) => !kinds.some((one) => one === kind));
    if (unknown !== undefined) throw new Error(`There is no kind "${unknown}": it is one of ${kinds.join(', ')}.`);
    if (values.sample !== undefined && !/^[1-9]\d{0,5}$/.test(values.sample)) {
      throw new Error(`--sample is "${values.sample}": it is a number of mutants, such as 12.`);
    }
    const kind = kinds.filter((one): one is Kind => values.kind?.includes(one) ?? true);
    return { ...values, kind, sample: values.sample === undefined ? undefined : Number(values.sample) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${help}`);
    process.exit(2);
  }
}

const flags = readFlags();
if (flags.help) {
  console.log(help);
} else {
  const code = await run(flags).catch((error) => {
    if (error instanceof Stopped) process.exit(error.exitCode);
    fail(error);
  });
  // Vitest has set it to 1 when a test failed, as one should.
  process.exit(code);
}
