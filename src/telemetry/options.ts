import type { Tracer } from '@opentelemetry/api';
import type { QueryEvent } from './query_event.ts';

/** Who is told of what sessions do. Neither is ever given a value of a row, a parameter or a claim. */
export type TelemetryOptions = {
  /**
   * Is called once for each statement that a session has sent, when it has ended; a stream when it is closed. What opens
   * and ends transactions and savepoints is left out. It is not awaited; if it fails, the process emits a warning.
   *
   * @example
   * onQuery: ({ sql, durationMillis, outcome }) => {
   *   if (durationMillis > 500 || outcome !== 'ok') log.warn({ sql, durationMillis, outcome });
   * },
   */
  onQuery?: (event: QueryEvent) => unknown;
  /**
   * Makes spans by OpenTelemetry's semantic conventions: of kind CLIENT for each call of a repository, such as
   * `list expenses`, and for each statement of a service's own, such as `select trips`; of kind INTERNAL, `transaction`,
   * around each transaction, with an event `retry` for each time that it begins anew.
   *
   * @example
   * tracer: trace.getTracer('@wheelsandwins/db'),
   */
  tracer?: Tracer;
};
