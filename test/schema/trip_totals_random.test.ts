import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { wrongTrips } from './recount.ts';

const database = testDatabase();

const someTrip = (salt: string) =>
  `(select id from trips where user_id = auth.uid() order by md5(concat(id, ${salt})) limit 1)`;
const row = `auth.uid(), case when random() < 0.8 then ${someTrip('n')} end, 0.01 + n % 7, (array['USD', 'EUR', 'JPY'])[1 + n % 3], 'x'`;
const insert = 'insert into expenses (user_id, trip_id, amount, currency, category)';
const some = 'id in (select id from expenses where random() < 0.3)';
const newTrip = "insert into trips (user_id, name) values (auth.uid(), 'another')";

const statements = [
  newTrip,
  `${insert} select ${row} from generate_series(1, 1) as n`,
  `${insert} select ${row} from generate_series(1, 9) as n`,
  `update expenses set amount = amount + 1.01 where ${some}`,
  `update expenses set amount = amount where ${some}`,
  `update expenses set currency = case currency when 'USD' then 'EUR' else 'USD' end where ${some}`,
  `update expenses set trip_id = ${someTrip("'a'")} where ${some}`,
  `update expenses set trip_id = null where ${some}`,
  `update expenses set trip_id = ${someTrip('random()')}, amount = 7, currency = 'JPY' where ${some}`,
  `delete from expenses where ${some}`,
  "update trips set currency = case currency when 'USD' then 'EUR' else 'USD' end where random() < 0.5",
  `delete from trips where id = ${someTrip('random()')}`,
  `insert into expenses (id, user_id, trip_id, amount, category)
   select id, auth.uid(), ${someTrip("'b'")}, 3, 'x' from expenses limit 3
   on conflict (id) do update set amount = excluded.amount + 1, trip_id = excluded.trip_id`,
  `with gone as (delete from expenses where ${some} returning trip_id, amount, currency)
   ${insert} select auth.uid(), trip_id, amount + 1, currency, 'again' from gone`,
  `merge into expenses e using (select id from expenses where random() < 0.5) as chosen on e.id = chosen.id
   when matched and random() < 0.5 then delete when matched then update set amount = e.amount + 0.5`,
];

test.each([1, 2, 3, 4])(
  'totals are exact after any statements (round %i)',
  async () => {
    const people = [await database.signUp(), await database.signUp()];
    const done: string[] = [];
    let counted = 0;
    // Each as often as the others, so that no round is one of deletions only.
    const inSomeOrder = Array.from({ length: 8 }, () => statements)
      .flat()
      .map((statement) => ({ statement, place: Math.random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ statement }) => statement);
    for (const [step, statement] of [...Array<string>(6).fill(newTrip), ...inSomeOrder].entries()) {
      const person = people[step % people.length];
      await database.as('authenticated', person, (client) => client.query(statement));
      done.push(statement);
      expect((await database.admin.query(wrongTrips)).rows, `after:\n${done.slice(-3).join('\n')}`).toEqual([]);
      const sum = 'select coalesce(sum(expense_count), 0)::int as count from trips where user_id = $1';
      counted += (await database.admin.query(sum, [person])).rows[0].count;
    }
    expect(counted).toBeGreaterThan(0);
  },
  120_000,
);
