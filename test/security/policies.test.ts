import { describe, expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

async function list<Row extends object>(text: string): Promise<Row[]> {
  return (await database.admin.query<Row>(text)).rows;
}

describe('policies', () => {
  const policies = `
    select tablename, policyname, permissive, cmd, role, coalesce(qual, '') || ' ' || coalesce(with_check, '') as text, qual, with_check
    from pg_policies cross join lateral unnest(roles) as role
    where schemaname in ('public', 'private')`;

  test('name a role, and a command', async () => {
    const named = await list<{ role: string; cmd: string }>(`select distinct role, cmd from (${policies}) as policies`);
    expect(named.length).toBeGreaterThan(0);
    for (const { role, cmd } of named) {
      expect(['anon', 'authenticated']).toContain(role);
      expect(['SELECT', 'INSERT', 'UPDATE', 'DELETE']).toContain(cmd);
    }
  });

  test('are permissive, one for each table, role and command', async () => {
    const doubled = await list(`
      select tablename, role, cmd from (${policies}) as policies
      group by 1, 2, 3 having count(*) > 1 or bool_or(permissive = 'RESTRICTIVE')`);
    expect(doubled).toEqual([]);
  });

  test('check the row that is written, not only the row that is found', async () => {
    const unchecked = await list(`
      select policyname from (${policies}) as policies where cmd in ('INSERT', 'UPDATE') and with_check is null`);
    expect(unchecked).toEqual([]);
  });

  test('call every function once a statement: wrapped in a select', async () => {
    const rows = await list<{ policyname: string; text: string }>(
      `select policyname, text from (${policies}) as policies`,
    );
    expect(rows.filter(({ text }) => text.includes('( SELECT auth.uid() AS uid)')).length).toBeGreaterThan(20);
    for (const { policyname, text } of rows) {
      const unwrapped = text.replace(
        /\( SELECT (?:(?:auth|private)\.\w+\(\)|unnest\(private\.\w+\(\)\)) AS \w+\)/g,
        '',
      );
      expect(unwrapped, policyname).not.toMatch(/auth\.|private\.|current_setting|SELECT/);
    }
  });

  test('read no other table', async () => {
    const others = await list(`
      select polname, refobjid::regclass from pg_policy
      join pg_depend on classid = 'pg_policy'::regclass and objid = pg_policy.oid
      where refclassid = 'pg_class'::regclass and refobjid <> polrelid`);
    expect(others).toEqual([]);
  });
});
