import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadHousehold } from '../../../src/household/load_household.ts';
import { hasBrowser, openBrowser } from './support/browser.ts';
import { testService } from './support/service.ts';

const maya = 'fa9e0e10-0375-4089-b4b4-ee44e1db9075';
const sam = 'fd090b5c-5288-4cde-aac0-7bbe5ff255ab';

if (!hasBrowser)
  console.warn('The page is not tested: there is no /usr/bin/chromium (Debian: apt-get install chromium).');

test.runIf(process.env.REQUIRE_CHROMIUM)('There is a browser', () => {
  expect(hasBrowser).toBe(true);
});

describe.skipIf(!hasBrowser)('The page', () => {
  const service = testService({}, { DEMO_TRAVELLERS: `Maya=${maya},Sam=${sam}` });
  const complaints: string[] = [];
  let ofMaya: BrowserContext;
  let ofSam: BrowserContext;

  beforeAll(async () => {
    await loadHousehold(service.database.connectionString);
    ofMaya = await openBrowser();
    ofSam = await openBrowser();
  });

  afterAll(async () => {
    await ofMaya?.close();
    await ofSam?.close();
  });

  /** A tab in which somebody is signed in, or a visitor's. */
  async function open(context: BrowserContext, name?: string): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(service.url);
    if (name === undefined) return page;
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    return page;
  }

  test('shows a visitor public posts, and asks for nothing else', async () => {
    const page = await open(ofSam);
    await page.getByText('Four missions and a flat').waitFor();
    expect(await page.getByText('Here until the 30th').count()).toBe(0);
    expect(await page.getByRole('heading', { name: 'Trips' }).isVisible()).toBe(false);
    await page.close();
  });

  test('shows what one adds in the other tab of the same traveller, and not to another', async () => {
    const [first, second, other] = [await open(ofMaya, 'Maya'), await open(ofMaya, 'Maya'), await open(ofSam, 'Sam')];
    const spent = second.locator('#trips li', { hasText: 'Texas and the Gulf' }).locator('.money');
    expect(await spent.textContent()).toBe('$2,715.13 spent of $4,200.00');
    await first.getByLabel('Amount').fill('42.50');
    await first.getByRole('textbox', { name: 'For' }).fill('Ferry to Galveston');
    await first.getByRole('button', { name: 'Add' }).click();
    for (const page of [first, second]) {
      await page.locator('#expenses').getByText('Ferry to Galveston').waitFor();
      await page.getByText('$2,757.63 spent of $4,200.00').waitFor();
    }
    await second.getByLabel('New trip').fill('Around the Chisos');
    await second.getByRole('button', { name: 'Plan' }).click();
    await first.locator('#trips').getByText('Around the Chisos').waitFor();

    // Sam's stream brings what is Sam's, after all of that.
    await other.getByLabel('New trip').fill('Elbe again');
    await other.getByRole('button', { name: 'Plan' }).click();
    await other.locator('#trips').getByText('Elbe again').waitFor();
    expect(await other.getByText('Ferry to Galveston').count()).toBe(0);
    expect(await other.getByText('Around the Chisos').count()).toBe(0);
    expect(await first.getByText('Elbe again').count()).toBe(0);
    for (const page of [first, second, other]) await page.close();
  });

  test('talks with PAM, whose answer the other tab gets too', async () => {
    const [first, second] = [await open(ofMaya, 'Maya'), await open(ofMaya, 'Maya')];
    await first.getByLabel('Ask PAM').fill('How is our budget?');
    await first.getByRole('button', { name: 'Ask' }).click();
    for (const page of [first, second]) {
      const last = page.getByRole('log').locator('li').last();
      await last.getByText(/^On “Texas and the Gulf, slowly” you have spent .+ nothing harder\.$/).waitFor();
    }
    expect(await first.getByText('How is our budget?').count()).toBe(1);
    await first.close();
    await second.close();
  });

  test('stays signed in when it is loaded again, until one signs out', async () => {
    const page = await open(ofMaya, 'Maya');
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You see what everybody sees.').waitFor();
    expect(await page.locator('#trips').isVisible()).toBe(false);
    await page.close();
  });

  test('takes what stands in a row for text, whatever it is', async () => {
    const page = await open(ofMaya, 'Maya');
    await page
      .getByLabel('New trip')
      .fill('<img src=x onerror="document.title = 1"><script>document.title = 2</script>');
    await page.getByRole('button', { name: 'Plan' }).click();
    await page.locator('#trips').getByText('<img src=x onerror').waitFor();
    expect(await page.title()).toBe('Wheels & Wins');
    expect(await page.locator('#trips img').count()).toBe(0);
    await page.close();
  });

  test('says what is wrong with what was typed', async () => {
    const page = await open(ofMaya, 'Maya');
    await page.getByLabel('Amount').fill('0');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('alert').getByText('amount must be a decimal').waitFor();
    // The browser's own line for an answer of 422.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('422')]);
    await page.close();
  });

  test('fits a narrow screen', async () => {
    const page = await open(ofSam, 'Sam');
    await page.setViewportSize({ width: 360, height: 740 });
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(360);
    await page.close();
  });

  test('has a name for everything that is typed into or pressed', async () => {
    const page = await open(ofMaya, 'Maya');
    for (const control of await page.locator('input:visible, select:visible, button:visible, progress').all()) {
      expect(await control.ariaSnapshot()).toMatch(/^- '?\w+ \\?"/);
    }
    await page.close();
  });

  test('has made the browser complain about nothing', () => {
    expect(complaints).toEqual([]);
  });
});
