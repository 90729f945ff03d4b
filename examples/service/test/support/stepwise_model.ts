import type { Model, Prompt } from '../../src/model.ts';

/** A model whose answers a test gives, piece by piece. */
export type StepwiseModel = Model & {
  /** What it was asked, in order. */
  readonly prompts: Prompt[];
  /** How many answers it was told to give up. */
  readonly givenUp: number;
  say(piece: string): void;
  finish(): void;
  fail(error: Error): void;
};

type Step = { piece: string } | { error: Error } | 'end';

export function stepwiseModel(): StepwiseModel {
  const steps: Step[] = [];
  const prompts: Prompt[] = [];
  let wake = () => {};
  let givenUp = 0;
  const add = (step: Step) => {
    steps.push(step);
    wake();
  };
  return {
    prompts,
    get givenUp() {
      return givenUp;
    },
    say: (piece) => add({ piece }),
    finish: () => add('end'),
    fail: (error) => add({ error }),
    async *reply(prompt, signal) {
      prompts.push(prompt);
      signal.addEventListener('abort', () => wake());
      for (;;) {
        const step = steps.shift();
        if (step === 'end') return;
        if (step && 'error' in step) throw step.error;
        if (step) {
          yield step.piece;
          continue;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal.aborted) resolve();
        });
        if (!signal.aborted) continue;
        givenUp++;
        throw new Error('The answer was given up.');
      }
    },
  };
}
