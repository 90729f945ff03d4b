/** Tells of a hook or a tracer that has failed: what it was to be told of goes on. */
export function warnOfTelemetry(error: unknown): void {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
  process.emitWarning('Telemetry of the database has failed; the statement has not.', {
    type: 'TelemetryWarning',
    detail,
  });
}
