import { DatabaseError } from '@wheelsandwins/db';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import type { Log, LogLine } from './log.ts';
import { Refusal } from './problems.ts';
import { KeysUnavailableError, TokenError } from './tokens.ts';

/** A line for each request, when its answer begins: the route it took, not its path, which has ids in it. */
export function requestLog(log: Log) {
  return createMiddleware(async (c, next) => {
    const start = performance.now();
    await next();
    log({
      message: 'request',
      method: c.req.method,
      route: routePath(c, -1),
      status: c.res.status,
      milliseconds: Math.round(performance.now() - start),
      hung_up: c.req.raw.signal.aborted || undefined,
      ...whatHappened(c.error),
    });
  });
}

/** The package's errors and ours have no values in them; of another the message may, and where it was thrown says enough. */
export function whatHappened(error: unknown): Omit<LogLine, 'message'> {
  if (error === undefined) return {};
  if (error instanceof DatabaseError) return { error: error.name, code: error.code, reason: error.message };
  if (error instanceof Refusal || error instanceof TokenError || error instanceof KeysUnavailableError) {
    return { error: error.name, reason: error.message };
  }
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  return { error: error.name, stack: frames.slice(0, 5).join('\n') };
}
