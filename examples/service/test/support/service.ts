import { afterAll, beforeAll, expect } from 'vitest';
import type { LogLine } from '../../src/log.ts';
import { type Service, type ServiceOptions, startService } from '../../src/service.ts';
import { readSettings } from '../../src/settings.ts';
import { type FileDatabase, testDatabase } from './database.ts';
import { issuer, secret, tokenOf } from './tokens.ts';

/** Asks the service over HTTP. */
export type Client = {
  readonly id: string;
  readonly token: string;
  /** `body` is sent as JSON, text as it is. */
  request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response>;
  get(path: string): Promise<Response>;
  /** What a request is answered with that succeeds. */
  json<T>(method: string, path: string, body?: unknown): Promise<T>;
};

export type TestService = {
  readonly url: string;
  readonly database: FileDatabase;
  /** All that was logged. */
  readonly lines: readonly LogLine[];
  /** Somebody who has signed up and in. */
  traveller(claims?: Record<string, unknown>): Promise<Client>;
  visitor(): Client;
};

/** The service on a database of its own, for one test file. */
export function testService(options: Partial<ServiceOptions> = {}, environment: NodeJS.ProcessEnv = {}): TestService {
  const database = testDatabase();
  const lines: LogLine[] = [];
  let service: Service | undefined;
  const url = () => {
    if (!service) throw new Error('The service runs in hooks and tests only, not while a file is loaded.');
    return service.url;
  };

  beforeAll(async () => {
    const env = { ...environmentOf(database.connectionString), ...environment };
    service = await startService(readSettings(env), { log: (line) => lines.push(line), ...options });
  });

  afterAll(async () => {
    await service?.stop();
  });

  return {
    get url() {
      return url();
    },
    database,
    lines,
    async traveller(claims) {
      const id = await database.signUp();
      return clientOf(url(), id, await tokenOf(id, claims));
    },
    visitor: () => clientOf(url(), '', ''),
  };
}

/** What the service is told by its environment, on a free port. */
export function environmentOf(connectionString: string): NodeJS.ProcessEnv {
  return { DATABASE_URL: connectionString, JWT_ISSUER: issuer, JWT_SECRET: secret, PORT: '0', HOST: '127.0.0.1' };
}

export function clientOf(url: string, id: string, token: string): Client {
  const request: Client['request'] = async (method, path, body, signal) =>
    await fetch(new URL(path, url), {
      method,
      headers: { ...(token && { authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  return {
    id,
    token,
    request,
    get: (path) => request('GET', path),
    async json<T>(method: string, path: string, body?: unknown) {
      const response = await request(method, path, body);
      expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
      return (await response.json()) as T;
    },
  };
}
