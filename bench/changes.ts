import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { Client } from 'pg';
import { fail } from '../src/cli/fail.ts';
import { createDatabase, type Database } from '../src/index.ts';
import { cloneDatabase } from '../src/testing/template_database.ts';
import { withTemplateDatabase } from '../src/testing/with_template_database.ts';
import { describeMachine } from './machine.ts';
import { describeHeader } from './report.ts';
import { quantile, ratioOf } from './statistics.ts';

const help = `npm run bench:changes [-- --rows <n>] [--rounds <n>]

How fast database.changes() hands over what a slot holds, beside pg_recvlogical, which writes the same messages to /dev/null
as they are: the same rows, from two slots, in turns. Needs pg_recvlogical (Debian: apt-get install postgresql-client).

--rows <n>    rows a round, in transactions of ten; default 100000
--rounds <n>  default 7`;

/** Seconds that each took in a round. */
type Round = { ours: number; pg_recvlogical: number };

const run = promisify(execFile);
const options = ['proto_version=1', 'publication_names=supabase_realtime'];

async function measure(connectionString: string, rows: number, rounds: number): Promise<Round[]> {
  const client = new Client({ connectionString });
  await client.connect();
  const database = createDatabase({ connectionString, max: 1 });
  try {
    await client.query("insert into auth.users (id, email) values (gen_random_uuid(), 'bench@example.com')");
    const measured: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      const end = await fillSlots(client, rows);
      const works = [
        async () => ({ ours: await secondsOf(() => follow(database, rows)) }),
        async () => ({ pg_recvlogical: await secondsOf(() => receive(connectionString, end)) }),
      ];
      const results: Partial<Round> = {};
      for (const work of round % 2 === 0 ? works : works.toReversed()) Object.assign(results, await work());
      await client.query(
        "select pg_drop_replication_slot(slot) from unnest(array['bench_ours', 'bench_theirs']) as slot",
      );
      const { ours = Number.NaN, pg_recvlogical = Number.NaN } = results;
      console.error(`Round ${round + 1} of ${rounds}: ${ours.toFixed(2)} s and ${pg_recvlogical.toFixed(2)} s`);
      measured.push({ ours, pg_recvlogical });
    }
    return measured;
  } finally {
    await database.destroy();
    await client.end();
  }
}

/** Both slots begin before the rows, and nothing comes after them. @returns the end. */
async function fillSlots(client: Client, rows: number): Promise<string> {
  await client.query(
    "select pg_create_logical_replication_slot(slot, 'pgoutput') from unnest(array['bench_ours', 'bench_theirs']) as slot",
  );
  await client.query(`do $$ begin
    for batch in 1 .. ${rows / 10} loop
      insert into public.expenses (user_id, amount, currency, category, description)
      select id, 12.50, 'USD', 'fuel', 'Paid at stop ' || number from public.profiles, generate_series(1, 10) as number;
      commit;
    end loop;
  end $$`);
  const { rows: ends } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn');
  await client.query('checkpoint');
  return ends[0]?.lsn ?? '';
}

async function follow(database: Database, rows: number): Promise<void> {
  let count = 0;
  for await (const _ of database.changes({ slot: 'bench_ours' })) {
    count += 1;
    if (count === rows) break;
  }
}

async function receive(connectionString: string, end: string): Promise<void> {
  const flags = ['--start', '--no-loop', '--slot', 'bench_theirs', '--endpos', end, '--file', '/dev/null'];
  await run('pg_recvlogical', [...flags, '--dbname', connectionString, ...options.flatMap((option) => ['-o', option])]);
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

function describe(rounds: readonly Round[], rows: number): string {
  const ours = rounds.map((round) => round.ours);
  const theirs = rounds.map((round) => round.pg_recvlogical);
  const { median, interval } = ratioOf(ours, theirs);
  const rate = (seconds: number[]) => `${Math.round(rows / quantile(seconds, 0.5)).toLocaleString('en')} rows a second`;
  return `database.changes()  ${rate(ours)}
pg_recvlogical      ${rate(theirs)}
ratio of times      ${median.toFixed(2)} (95 %: ${interval.map((end) => end.toFixed(2)).join(' to ')})`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rows: { type: 'string' }, rounds: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return console.log(help);
  const [rows, rounds] = [Number(values.rows ?? 100_000), Number(values.rounds ?? 7)];
  await withTemplateDatabase({ log: console.error }, async ({ server, template }) => {
    const { connectionString } = await cloneDatabase(server, template);
    console.log(describeHeader(await describeMachine(connectionString, server)));
    console.log(`\n${describe(await measure(connectionString, rows, rounds), rows)}`);
  });
}

await main().catch(fail);
