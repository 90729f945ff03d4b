import { expect } from 'vitest';

export type ReceivedEvent = { event: string; data: Record<string, unknown> };

/** The events of an answer, as they arrive; a heartbeat is an event of that name. */
export async function* readEvents(response: Response): AsyncGenerator<ReceivedEvent, void> {
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  if (!response.body) return;
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      yield parse(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function parse(block: string): ReceivedEvent {
  if (block === ': heartbeat') return { event: 'heartbeat', data: {} };
  const [, event = '', data = ''] = /^event: (\w+)\ndata: (.+)$/.exec(block) ?? expect.unreachable();
  return { event, data: JSON.parse(data) };
}

/** The next event that is none of the heartbeats. */
export async function nextEvent(events: AsyncGenerator<ReceivedEvent, void>): Promise<ReceivedEvent> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return expect.unreachable('The stream has ended.');
    if (value.event !== 'heartbeat') return value;
  }
}
