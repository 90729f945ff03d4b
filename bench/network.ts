import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { quantile } from './statistics.ts';

/** A way to the server whose round trips take longer than the direct one. */
export type Network = {
  /** Leads to the same database through the network. */
  readonly connectionString: string;
  /** By how many milliseconds a round trip is longer at present: the median of some hundred empty statements. */
  measure(): Promise<number>;
  close(): Promise<void>;
};

/**
 * Puts a network between this process and a server. The delay is set so that with the time that the proxy itself takes
 * a round trip is `millis` longer than the direct one.
 */
export async function startNetwork(connectionString: string, millis: number): Promise<Network> {
  const { hostname, port } = new URL(connectionString);
  const proxy = fork(fileURLToPath(new URL('delay_proxy.ts', import.meta.url)), [hostname, port || '5432']);
  try {
    const [proxyPort] = await Promise.race([once(proxy, 'message'), failed(proxy)]);
    const throughProxy = Object.assign(new URL(connectionString), {
      hostname: '127.0.0.1',
      port: String(proxyPort),
    }).href;
    const measure = () => measureDelay(connectionString, throughProxy);
    let delay = 0;
    for (let attempt = 0; attempt < 4; attempt++) {
      delay = Math.max(0, delay + millis - (await measure()));
      proxy.send(delay);
    }
    return {
      connectionString: throughProxy,
      measure,
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

const pings = 300;

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
