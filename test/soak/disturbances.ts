import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { TcpProxy } from '../support/tcp_proxy.ts';
import type { Random } from './random.ts';

/** What the test's databases call themselves on the server. */
export const applicationName = 'soak';

const oneOfThem = `select pid from pg_stat_activity
  where datname = current_database() and application_name = '${applicationName}' order by random() limit 1`;

/** What an administrator and, on a proxy's connections, a network do now and then, until `isOver`. */
export async function disturb(
  admin: Pool,
  proxy: TcpProxy | undefined,
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  const byAdmin = ['pg_terminate_backend', 'pg_cancel_backend', 'pg_cancel_backend'].map(
    (signal) => () => admin.query(`select ${signal}(pid) from (${oneOfThem}) as one`),
  );
  const faults = proxy ? [...byAdmin, ...networkFaults(proxy, random)] : byAdmin;
  while (!isOver()) {
    await sleep(20 + random.below(150));
    await random.pick<() => unknown>(faults)();
  }
}

function networkFaults(proxy: TcpProxy, random: Random): (() => unknown)[] {
  return [
    () => proxy.loseNext('request'),
    () => proxy.loseNext({ answerAfterBytes: random.below(12) }),
    () => proxy.loseNext({ answerAfterBytes: 0 }),
    () => proxy.cut(),
    () => proxy.reset(),
    async () => {
      proxy.silence();
      await sleep(random.below(300));
      proxy.thaw();
    },
    async () => {
      proxy.refuse();
      await sleep(random.below(100));
      await proxy.accept();
    },
  ];
}

/** The test's connections as the server knows them. */
export async function backends(admin: Pool): Promise<{ count: number; busy: number }> {
  const { rows } = await admin.query<{ count: number; busy: number }>(
    `select count(*)::int as count, (count(*) filter (where state <> 'idle'))::int as busy
     from pg_stat_activity where datname = current_database() and application_name = '${applicationName}'`,
  );
  return rows[0] ?? { count: 0, busy: 0 };
}
