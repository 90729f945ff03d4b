import type { Log } from './log.ts';
import { problemOf } from './problems.ts';
import { whatHappened } from './request_log.ts';

/** An event for the client, or a comment that keeps the connection from looking dead. */
export type Event = { readonly event: string; readonly data: object } | 'heartbeat';

/**
 * Answers with server-sent events. The next event is asked for when the client has taken the one before, so a slow client
 * fills no memory. An error ends the stream with an event `problem`; `hungUp` ends it at once.
 */
export function eventStream(events: AsyncGenerator<Event>, hungUp: AbortSignal, log: Log): Response {
  return new Response(ReadableStream.from(encoded(events, hungUp, log)), {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would collect events otherwise.
      'x-accel-buffering': 'no',
    },
  });
}

async function* encoded(events: AsyncGenerator<Event>, hungUp: AbortSignal, log: Log): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  try {
    for await (const event of events) {
      if (hungUp.aborted) return;
      yield encoder.encode(textOf(event));
    }
  } catch (error) {
    if (hungUp.aborted) return;
    log({ message: 'stream failed', ...whatHappened(error) });
    yield encoder.encode(textOf({ event: 'problem', data: problemOf(error) }));
  }
}

function textOf(event: Event): string {
  if (event === 'heartbeat') return ': heartbeat\n\n';
  return `event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`;
}
