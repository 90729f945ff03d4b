import { randomBytes } from 'node:crypto';
import { fail } from '../../src/cli/fail.ts';
import { Stopped, stopSignal } from '../../src/cli/stop_signal.ts';
import { loadHousehold } from '../../src/household/load_household.ts';
import { withTemplateDatabase } from '../../src/testing/with_template_database.ts';
import { logToStandardOutput } from './src/log.ts';
import { startService } from './src/service.ts';
import { readSettings } from './src/settings.ts';

/** Runs the service until Ctrl-C, on a Postgres of its own with the demo's household, of whom two may sign in. */
async function run(): Promise<void> {
  const stop = stopSignal();
  const stopped = stop.then((signal) => Promise.reject(signal));
  stopped.catch(() => {});
  await withTemplateDatabase({ stopped }, async ({ connectionString }) => {
    await loadHousehold(connectionString);
    const settings = readSettings({
      PORT: process.env.PORT,
      HOST: '127.0.0.1',
      DATABASE_URL: connectionString,
      JWT_ISSUER: 'http://localhost/auth/v1',
      JWT_SECRET: randomBytes(32).toString('hex'),
      DEMO_TRAVELLERS: 'Maya=fa9e0e10-0375-4089-b4b4-ee44e1db9075,Sam=fd090b5c-5288-4cde-aac0-7bbe5ff255ab',
    });
    const service = await startService(settings, { log: logToStandardOutput });
    console.log(`Open ${service.url} in two windows, as Maya and as Sam. Ctrl-C stops it.`);
    await stop;
    await service.stop();
  });
}

await run().catch((error) => {
  if (error instanceof Stopped) process.exit(error.exitCode);
  fail(error);
});
