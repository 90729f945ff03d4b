import { createHash, randomUUID } from 'node:crypto';
import type { Database } from '@wheelsandwins/db';
import { conversationInputSchema, userMessageInputSchema } from '@wheelsandwins/db/schemas';
import { Hono } from 'hono';
import { type Event, eventStream } from '../event_stream.ts';
import { bodyOf, listQuery } from '../input.ts';
import type { Log } from '../log.ts';
import type { Model } from '../model.ts';
import { Refusal } from '../problems.ts';
import type { SignedIn } from '../sessions.ts';

const questionSchema = userMessageInputSchema.pick({ id: true, content: true });

/** Conversations with PAM. */
export function conversations(database: Database, model: Model, log: Log) {
  return new Hono<SignedIn>()
    .get('/', async (c) => c.json(await c.var.traveller.pam.list(listQuery(c.req.query()).page)))
    .post('/', async (c) =>
      c.json(await c.var.traveller.pam.startConversation(await bodyOf(conversationInputSchema, c.req))),
    )
    .get('/:id/messages', async (c) =>
      c.json(await c.var.traveller.pam.history(c.req.param('id'), listQuery(c.req.query()).page)),
    )
    .post('/:id/messages', async (c) => {
      const { traveller, token } = c.var;
      const { id: questionId = randomUUID(), content } = await bodyOf(questionSchema, c.req);
      const question = { id: questionId, role: 'user', content } as const;
      const conversation = await traveller.pam.get(c.req.param('id'));
      // The service's own session, which stores the answer, is held up by no policy.
      const { status } = await traveller.profiles.me();
      if (status === 'suspended') throw new Refusal(403, 'The account is suspended: it reads, and writes nothing.');
      const said = await traveller.pam.recent(conversation.id, { max_characters: 24_000 });
      const { items: trips } = await traveller.trips.listWithTotals({ when: 'current', limit: 3 });
      const { signal } = c.req.raw;
      const answerId = answerIdOf(questionId);

      async function* reply(): AsyncGenerator<Event> {
        const answered = said.find(({ id }) => id === answerId);
        if (answered) return yield { event: 'stored', data: { messages: said.filter(isOf(questionId, answerId)) } };
        let answer = '';
        for await (const piece of model.reply({ messages: [...said, question], trips }, signal)) {
          answer += piece;
          yield { event: 'piece', data: { text: piece } };
        }
        // Both or neither: who hangs up before this has asked nothing.
        const messages = await database
          .asService()
          .onBehalfOf(token.claims.sub, { signal })
          .pam.appendMessages(conversation.id, [question, { id: answerId, role: 'assistant', content: answer }]);
        yield { event: 'stored', data: { messages } };
      }
      return eventStream(reply(), signal, log);
    });
}

function isOf(...ids: string[]) {
  return (message: { id: string }) => ids.includes(message.id);
}

/** One answer for each question, so that a question sent again is answered once. A UUID of version 8. */
function answerIdOf(questionId: string): string {
  const hash = createHash('sha256').update(`answer to ${questionId.toLowerCase()}`).digest('hex');
  return hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5');
}
