import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, type ContextManager, context, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeEach } from 'vitest';

/** Carries the active span over `await`, as the SDK for Node does. */
class StorageContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.apply(thisArg, args));
  }

  bind<T>(_: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}

/** A tracer of OpenTelemetry's SDK, and the spans that have ended since the test began, in the order of their ends. */
export function collectSpans(): { readonly tracer: Tracer; readonly spans: ReadableSpan[] } {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  context.setGlobalContextManager(new StorageContextManager());

  beforeEach(() => exporter.reset());

  afterAll(async () => {
    context.disable();
    await provider.shutdown();
  });

  return {
    tracer: provider.getTracer('test'),
    get spans() {
      return exporter.getFinishedSpans();
    },
  };
}

/** All that leaves the process with the spans. */
export function exported(spans: readonly ReadableSpan[]): string {
  return JSON.stringify(
    spans.map(({ name, attributes, status, events, links, resource }) => ({
      name,
      attributes,
      status,
      events,
      links,
      resource: resource.attributes,
    })),
  );
}
