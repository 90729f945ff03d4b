import { logToStandardOutput } from './log.ts';
import { startService } from './service.ts';
import { readSettings } from './settings.ts';

try {
  const service = await startService(readSettings(process.env), { log: logToStandardOutput });
  logToStandardOutput({ message: 'listening', url: service.url });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // A second one ends the process at once.
    process.once(signal, async () => {
      logToStandardOutput({ message: 'stopping', signal });
      await service.stop();
      logToStandardOutput({ message: 'stopped' });
    });
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
