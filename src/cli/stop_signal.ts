import { constants } from 'node:os';

/** Work was given up because somebody stopped the process. */
export class Stopped extends Error {
  override name = 'Stopped';
  /** As a shell reports the end by a signal: 130 for Ctrl-C. */
  readonly exitCode: number;

  constructor(signal: keyof typeof constants.signals) {
    super(`Stopped by ${signal}.`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Resolves when somebody stops the process: Ctrl-C, SIGTERM, SIGHUP, or the reader of its output has gone (`| head`). It
 * then runs on, to clean up and end by itself; a second signal changes nothing, as npm repeats a terminal's Ctrl-C.
 */
export function stopSignal(): Promise<Stopped> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(new Stopped(signal)));
    }
    process.stdout.on('error', () => resolve(new Stopped('SIGPIPE')));
  });
}
