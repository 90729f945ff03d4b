import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type RunningService = {
  readonly url: string;
  /** The lines of its log, as they are. */
  readonly lines: readonly string[];
  kill(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
};

/** Runs the service as a process of its own, as `npm start` does. */
export async function runService(env: NodeJS.ProcessEnv): Promise<RunningService> {
  const child = spawn(process.execPath, [main], { env: { PATH: process.env.PATH, ...env } });
  const lines: string[] = [];
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const { message, url: address } = JSON.parse(line);
      if (message === 'listening') resolve(address);
    });
    createInterface(child.stderr).on('line', (line) => lines.push(line));
    ended.then((code) => reject(new Error(`The service has ended with ${code}: ${lines.join('\n')}`)));
  });
  return { url, lines, kill: (signal) => child.kill(signal), ended };
}
