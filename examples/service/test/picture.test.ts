import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadHousehold } from '../../../src/household/load_household.ts';
import { openBrowser } from './support/browser.ts';
import { testService } from './support/service.ts';

const file = fileURLToPath(new URL('../../../docs/images/service.png', import.meta.url));

describe.runIf(process.env.PICTURE)('For the documentation', () => {
  const service = testService(
    {},
    { DEMO_TRAVELLERS: 'Maya=fa9e0e10-0375-4089-b4b4-ee44e1db9075,Sam=fd090b5c-5288-4cde-aac0-7bbe5ff255ab' },
  );

  test('a picture of the page is made', async () => {
    await loadHousehold(service.database.connectionString);
    const browser = await openBrowser({ width: 1200, height: 860 });
    const page = await browser.newPage();
    await page.goto(service.url);
    await page.getByRole('button', { name: 'Maya' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByLabel('Ask PAM').fill('How is our budget?');
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.getByText('nothing harder.').waitFor();
    await page.getByText('Four missions and a flat').waitFor();
    await page.waitForTimeout(2_000);
    await mkdir(dirname(file), { recursive: true });
    await page.screenshot({ path: file });
    await browser.close();
    expect((await stat(file)).size).toBeLessThan(200_000);
  }, 120_000);
});
