import { CompiledQuery } from 'kysely';
import { createDatabase } from '../../src/index.ts';
import type { Contender } from './contender.ts';
import { jsonOf } from './json_of.ts';
import { pgPipelined } from './pg_pipelined_by_hand.ts';
import { floor } from './pg_unscoped.ts';
import { statements } from './statements.ts';
import { wheels } from './wheels.ts';
import { worksBySql } from './works_by_sql.ts';

/** The same statements through a session of this package, without its repositories. */
const session: Contender = {
  name: 'and Kysely, in a session of this package',
  isScoped: true,
  open({ connectionString, connections }) {
    const database = createDatabase({ connectionString, max: connections });
    return {
      as(userId) {
        const { kysely } = database.asUser({ sub: userId });
        return worksBySql(userId, {
          run: async (statement, values) =>
            (await kysely.executeQuery<object>(CompiledQuery.raw(statements[statement], values.map(jsonOf)))).rows,
        });
      },
      close: () => database.destroy(),
    };
  },
};

/** What a call is made of: each has what the one before has, and something more. */
export const layers: readonly Contender[] = [
  floor,
  pgPipelined('and the settings, of a role without policies', 'service_role'),
  pgPipelined('and policies', 'authenticated'),
  session,
  { ...wheels, name: 'and the repository: this package' },
];

/** The works whose statement is the same with all of them, but for what the repository adds. */
export const layeredWorks = ['get', 'list', 'feed 1', 'append', 'create'];
