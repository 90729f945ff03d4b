import type { Prepare, World } from '../repositories/every_method.ts';

/** A call of a method as `wheels-db explain` is told of it. */
export type RecordedCall = { readonly caller: string; readonly method: string; readonly inputs: unknown[] };

/** What stands for a session's repositories in a call that is recorded. */
class Recorded extends Error {
  readonly call: RecordedCall;
  constructor(call: RecordedCall) {
    super('This call is recorded, and not made.');
    this.call = call;
  }
}

/** Runs what prepares a call, and gives the call itself, which is not made. */
export async function recordedCall(prepare: Prepare, { alice, bob, visitor, service }: World): Promise<RecordedCall> {
  let isRecording = false;

  function watched<S extends object>(session: S, caller: string): S {
    return new Proxy(session, {
      get(target, repository) {
        const value: unknown = Reflect.get(target, repository);
        if (repository === 'onBehalfOf' && typeof value === 'function') {
          return (id: string) => watched(value.call(target, id), `service:${id}`);
        }
        if (typeof value !== 'object' || value === null) return value;
        return new Proxy(value, {
          get(methods, name) {
            const method: unknown = Reflect.get(methods, name);
            if (typeof method !== 'function') return method;
            return (...inputs: unknown[]) => {
              if (!isRecording) return method.apply(methods, inputs);
              throw new Recorded({ caller, method: `${String(repository)}.${String(name)}`, inputs });
            };
          },
        });
      },
    });
  }

  const call = await prepare({
    alice: watched(alice, alice.id),
    bob: watched(bob, bob.id),
    visitor: watched(visitor, 'anon'),
    service: watched(service, 'service'),
  });
  isRecording = true;
  try {
    await call();
  } catch (error) {
    if (error instanceof Recorded) return error.call;
    throw error;
  }
  throw new Error('The method of no repository was called.');
}
