import { describe, expect, test } from 'vitest';
import { shownText, summaryOf } from '../../src/telemetry/statement_text.ts';

describe('the text of a statement', () => {
  test('with parameters is shown as it is', () => {
    const sql = "select 'a' from trips where id = $1 -- why";
    expect(shownText(sql, ['x'])).toBe(sql);
  });

  test.each([
    ["select id from trips where name = 'Big Lap'", 'select id from trips where name = ?'],
    ["select 'it''s mine', 2", 'select ?, ?'],
    ["select E'it\\'s mine', e'\\\\', 'b'", 'select ?, ?, ?'],
    ["select U&'d\\0061t', X'1F', B'01'", 'select U&?, X?, B?'],
    ['select 12, -1.5, .5, 1e10, 0xFF, 1_000', 'select ?, -?, ?, ?, ?, ?'],
    ['select true or FALSE', 'select ? or ?'],
    ['do $$ begin perform secret(); end $$', 'do ?'],
    ['select $tag$ a $$ b $tag$, $1', 'select ?, $1'],
    ['select "it\'s", "t1" from "x""y2"', 'select "it\'s", "t1" from "x""y2"'],
    ['select 1 -- secret', 'select ?  '],
    ["select /* 'secret' */ t1.c2", 'select   t1.c2'],
    ["select 'not closed, secret", 'select ?'],
    ['do $$ not closed, secret', 'do ?'],
    ['select 1 /* not closed, secret', 'select ?  '],
    ['select 1 /* a /* b */ secret */ + 2', 'select ?   + ?'],
    ['select 1 /* a /* b */ not closed, secret', 'select ?  '],
    ['select /*/ secret **/ a /**/ + /*/*/**/*/*/ b', 'select   a   +   b'],
    ["select '/*', 2 /* ' */, 3", 'select ?, ?  , ?'],
    ['select "/*" -- /* secret\n, 4', 'select "/*"  \n, ?'],
  ])('without parameters has no literals: %s', (sql, shown) => {
    expect(shownText(sql, [])).toBe(shown);
  });

  // What grew with the square of the length would take hours.
  test('of any length comes in the time that the test has', () => {
    for (const part of ["'", '"', '(', '$', '/*', '/**/', '/*/**/', "e'\\", '1.', 'select ', 'from ', ' ', '((1), ']) {
      const sql = part.repeat(200_000);
      expect(shownText(sql, []).length).toBeGreaterThan(0);
      expect(summaryOf(sql + ')'.repeat(200_000))).not.toBe('');
    }
  });
});

test.each([
  ['select "id" from "trips" where "user_id" = $1', 'select trips'],
  ['\n  SELECT *\n  FROM public.search_trips($1, $2)', 'SELECT public.search_trips'],
  ['select "id" from "trips" where "id" in (select "trip_id" from "expenses")', 'select trips'],
  ['select extract(year from date) from only expenses', 'select expenses'],
  ['select a is distinct from b from trips', 'select trips'],
  ['select public.like_post($1)', 'select'],
  ["select 'x from secret'", 'select'],
  ['insert into "trips" ("name") values ($1) on conflict do nothing', 'insert trips'],
  ['update "trips" set "name" = $1 where "id" in (select 1 from x)', 'update trips'],
  ['delete from "trips" using x', 'delete trips'],
  ['merge into "trips" using x on true when matched then do nothing', 'merge trips'],
  ['with "old" as (delete from "posts" returning *) insert into "archive" select * from "old"', 'insert archive'],
  ['with recursive t as (select 1 union all select 2 from t) select * from t', 'select t'],
  ['(select 1 from a) union (select 2 from b)', 'union'],
  ['explain select 1', 'explain'],
  ['/* why */ -- what\n vacuum', 'vacuum'],
  ['/* why /* and */ how */ vacuum', 'vacuum'],
  ['', 'postgresql'],
])('the summary of %s', (sql, summary) => {
  expect(summaryOf(sql)).toBe(summary);
});
