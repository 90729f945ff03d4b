import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, Span, SpanKind, SpanStatusCode, Tracer } from '@opentelemetry/api';
import type { Pool } from 'pg';
import type { ObservedStatement, Observer } from '../session/observed_client.ts';
import { ConfigurationError, DatabaseError } from '../types/errors.ts';
import { serverOf } from './server.ts';
import { shownText, summaryOf } from './statement_text.ts';
import { warnOfTelemetry } from './warning.ts';

// As numbers, so that nothing of the API is loaded where nobody traces.
const internal: SpanKind.INTERNAL = 0;
const client: SpanKind.CLIENT = 2;
const failed: SpanStatusCode.ERROR = 2;

/** The first tables of repositories that have another name. */
const tables: Readonly<Record<string, string>> = {
  accounts: 'profiles',
  feedback: 'pam_feedback',
  friends: 'friendships',
  income: 'income_entries',
  moderation: 'posts',
  pam: 'pam_conversations',
};

/** What the call of a repository has sent: the texts of its statements, and the server that had the last one. */
type Sent = { readonly texts: Set<string>; server?: Attributes };

const call = new AsyncLocalStorage<Sent | undefined>();

/** Runs what is none of the business of the repository's call around it. */
export function outsideOfCall<T>(fn: () => T): T {
  return call.run(undefined, fn);
}

/**
 * Spans by OpenTelemetry's semantic conventions for databases: one of kind CLIENT for each call of a repository, one for each
 * statement that is in none, and one of kind INTERNAL around each transaction. No value of a row, a parameter or a claim is
 * in them: they have the text of statements, names and codes, and the messages of this package's own errors.
 */
export class Tracing implements Observer {
  readonly #tracer: Tracer;
  readonly #server: Attributes;

  /** @throws {ConfigurationError} unless `tracer` is one. */
  constructor(tracer: Tracer, pool: Pool) {
    if (typeof tracer.startActiveSpan !== 'function') {
      throw new ConfigurationError(
        'tracer must be a tracer of @opentelemetry/api, such as trace.getTracer("my-service").',
      );
    }
    this.#tracer = tracer;
    this.#server = serverOf(pool);
  }

  /** The same repositories, whose methods make spans: `list expenses`, with the texts of all that they send. */
  repositories<Repositories extends object>(repositories: Repositories): Repositories {
    const traced = Object.entries(repositories).map(([name, repository]) => [
      name,
      this.#repository(tables[name] ?? name, repository),
    ]);
    return Object.fromEntries(traced);
  }

  #repository<Repository extends object>(collection: string, repository: Repository): Repository {
    return new Proxy(repository, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || typeof name === 'symbol' || name in Object.prototype) return member;
        // With the target as `this`: methods that call each other make one span, and private fields are the target's.
        return (...inputs: unknown[]) => this.#traceCall(name, collection, inputs, () => member.apply(target, inputs));
      },
    });
  }

  #traceCall(operation: string, collection: string, inputs: unknown[], method: () => unknown): unknown {
    const summary = `${operation} ${collection}`;
    const attributes: Attributes = {
      ...this.#server,
      'db.operation.name': operation,
      'db.collection.name': collection,
      'db.query.summary': summary,
    };
    const batch = inputs.find((input) => Array.isArray(input));
    if (batch !== undefined && batch.length !== 1) attributes['db.operation.batch.size'] = batch.length;
    const sent: Sent = { texts: new Set() };
    return this.#tracer.startActiveSpan(summary, { kind: client, attributes }, (span) => {
      try {
        const result = call.run(sent, method);
        return isAsyncIterable(result) ? this.#traceRows(span, sent, result) : this.#traceResult(span, sent, result);
      } catch (error) {
        fail(span, error);
        end(span, sent);
        throw error;
      }
    });
  }

  async #traceResult(span: Span, sent: Sent, result: unknown): Promise<unknown> {
    try {
      return await result;
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      end(span, sent);
    }
  }

  /** Rows that come one by one: the span lasts until the last, or until nobody wants more. */
  async *#traceRows(span: Span, sent: Sent, rows: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    const iterator = call.run(sent, () => rows[Symbol.asyncIterator]());
    const next = () => call.run(sent, () => iterator.next());
    try {
      for (let row = await next(); !row.done; row = await next()) yield row.value;
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      await call.run(sent, () => iterator.return?.());
      end(span, sent);
    }
  }

  /**
   * `run` in a span of its own, the parent of all that happens in the transaction. `run` calls what it is given when
   * everything is undone and begins anew, which becomes an event `retry` with the `error.type`.
   */
  transaction<T>(run: (onRetry: (error: DatabaseError) => void) => Promise<T>): Promise<T> {
    return this.#tracer.startActiveSpan('transaction', { kind: internal, attributes: this.#server }, async (span) => {
      try {
        return await run(({ code }) => span.addEvent('retry', { 'error.type': code }));
      } catch (error) {
        fail(span, error);
        throw error;
      } finally {
        end(span);
      }
    });
  }

  statement({ sql, parameters, startTime, endTime, error, pool }: ObservedStatement): void {
    const text = shownText(sql, parameters);
    const server = serverOf(pool);
    const sent = call.getStore();
    if (sent) {
      sent.texts.add(text);
      sent.server = server;
      return;
    }
    const summary = summaryOf(sql);
    const attributes = { ...server, 'db.query.summary': summary, 'db.query.text': text };
    this.#past(summary, startTime, attributes, error).end(endTime);
  }

  unconnected(error: DatabaseError, startTime: number): void {
    if (call.getStore()) return;
    this.#past('connect', startTime, { ...this.#server, 'db.operation.name': 'connect' }, error).end();
  }

  #past(name: string, startTime: number, attributes: Attributes, error: DatabaseError | undefined): Span {
    const span = this.#tracer.startSpan(name, { kind: client, startTime, attributes });
    if (error) fail(span, error);
    return span;
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** What the span is about has happened, whatever becomes of the span. */
function end(span: Span, { texts, server }: Sent = { texts: new Set() }): void {
  try {
    if (server) span.setAttributes(server);
    if (texts.size > 0) span.setAttribute('db.query.text', [...texts].join('; '));
    span.end();
  } catch (error) {
    warnOfTelemetry(error);
  }
}

/** `error.type` is the `code` of our errors, or the class of another one, whose message may say anything. */
function fail(span: Span, error: unknown): void {
  if (!(error instanceof DatabaseError)) {
    span.setAttribute('error.type', error instanceof Error ? error.name : '_OTHER');
    span.setStatus({ code: failed });
    return;
  }
  span.setAttribute('error.type', error.code);
  if (isSqlState.test(error.code)) span.setAttribute('db.response.status_code', error.code);
  span.setStatus({ code: failed, message: error.message });
}

/** Every SQLSTATE has a digit; a code of the operating system such as EPIPE has none. */
const isSqlState = /^(?=.*\d)[0-9A-Z]{5}$/;
