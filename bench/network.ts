import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { quantile } from './statistics.ts';

/** A way to the server whose round trips take longer than the direct one, and are counted. */
export type Network = {
  /** Leads to the same database through the network. */
  readonly connectionString: string;
  /**
   * Has a round trip take `millis` longer than the direct one, together with the time that the proxy itself takes. At 0 it
   * only counts. @returns what is measured then.
   */
  setDelay(millis: number): Promise<number>;
  /** By how many milliseconds a round trip is longer at present: the median of some hundred empty statements. */
  measure(): Promise<number>;
  /** How often all connections together have waited for an answer so far. */
  countRoundTrips(): Promise<number>;
  close(): Promise<void>;
};

/** Puts a network between this process and a server, in a process of its own. */
export async function startNetwork(connectionString: string): Promise<Network> {
  const { hostname, port } = new URL(connectionString);
  const proxy = fork(fileURLToPath(new URL('delay_proxy.ts', import.meta.url)), [hostname, port || '5432']);
  try {
    const [proxyPort] = await Promise.race([once(proxy, 'message'), failed(proxy)]);
    const throughProxy = Object.assign(new URL(connectionString), {
      hostname: '127.0.0.1',
      port: String(proxyPort),
    }).href;
    const measure = () => measureDelay(connectionString, throughProxy);
    return {
      connectionString: throughProxy,
      async setDelay(millis) {
        let delay = 0;
        proxy.send(delay);
        if (millis === 0) return 0;
        let measured = await measure();
        for (let attempt = 0; attempt < 3; attempt++) {
          delay = Math.max(0, delay + millis - measured);
          proxy.send(delay);
          measured = await measure();
        }
        return measured;
      },
      measure,
      async countRoundTrips() {
        proxy.send('roundTrips');
        const [count] = await once(proxy, 'message');
        return Number(count);
      },
      async close() {
        const closed = once(proxy, 'exit');
        proxy.disconnect();
        await closed;
      },
    };
  } catch (error) {
    proxy.kill();
    throw error;
  }
}

async function failed(proxy: ChildProcess): Promise<never> {
  await once(proxy, 'exit');
  throw new Error('The process that delays the network has ended: its reason stands above.');
}

const pings = 150;

async function measureDelay(direct: string, throughProxy: string): Promise<number> {
  const clients = [new Client(direct), new Client(throughProxy)];
  try {
    for (const client of clients) await client.connect();
    const times: number[][] = [[], []];
    for (let ping = 0; ping < pings; ping++) {
      for (const [index, client] of clients.entries()) {
        const start = performance.now();
        await client.query('');
        times[index]?.push(performance.now() - start);
      }
    }
    const [without = Number.NaN, through = Number.NaN] = times.map((values) => quantile(values, 0.5));
    return through - without;
  } finally {
    for (const client of clients) await client.end();
  }
}
