import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageRole, TripTotals } from '@wheelsandwins/db/types';

/** What a model is told: what has been said, the question last, and what the traveller's session sees of their trips. */
export type Prompt = {
  readonly messages: readonly { readonly role: MessageRole; readonly content: string }[];
  readonly trips: readonly TripTotals[];
};

export type Model = {
  /** The answer, piece by piece. It ends with an error when the signal is aborted. */
  reply(prompt: Prompt, signal: AbortSignal): AsyncIterable<string>;
};

/** Stands in for a language model: it says what it was told of the trips, word by word. */
export const stubModel: Model = {
  async *reply({ trips }, signal) {
    for (const word of answerTo(trips).split(/(?<= )/)) {
      await sleep(25, undefined, { signal });
      yield word;
    }
  },
};

function answerTo([trip]: Prompt['trips']): string {
  if (!trip) return 'You are on no trip today. Plan one, and I will keep an eye on its budget.';
  const { name, budget_spent, budget_total, remaining_budget, currency } = trip;
  const spent = `On “${name}” you have spent ${budget_spent} ${currency}`;
  if (budget_total === null) return `${spent}. It has no budget yet.`;
  return `${spent} of ${budget_total}: ${remaining_budget} is left. I am only a stand-in, so ask me nothing harder.`;
}
