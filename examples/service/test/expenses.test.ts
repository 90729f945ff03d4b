import type { Expense, Page } from '@wheelsandwins/db/types';
import { expect, test } from 'vitest';
import { testService } from './support/service.ts';

const service = testService();

test('Expenses are recorded, listed and summed up', async () => {
  const alice = await service.traveller();
  for (const amount of ['42.50', '7.50']) {
    const created = await alice.request('POST', '/api/expenses', { amount, currency: 'AUD', category: 'fuel' });
    expect(created.status).toBe(201);
  }
  const { items } = await alice.json<Page<Expense>>('GET', '/api/expenses?category=fuel');
  expect(items.map(({ amount }) => amount).sort()).toEqual(['42.50', '7.50']);
  expect(await (await alice.get('/api/expenses/totals')).json()).toEqual({
    items: [{ category: 'fuel', currency: 'AUD', total: '50.00', count: 2, average: '25.00' }],
  });
});

test('A CSV file is imported as it arrives, and once', async () => {
  const alice = await service.traveller();
  const file = 'date,amount,category\n2026-11-01,12.30,food\n2026-11-02,20.00,fuel\n';
  const first = await alice.request('POST', '/api/expenses/import?currency=EUR', file);
  expect(await first.json()).toMatchObject({ lines: 2, created: 2 });
  const again = await alice.request('POST', '/api/expenses/import?currency=EUR', file);
  expect(await again.json()).toMatchObject({ created: 0, existing: 2 });
  const { items } = await alice.json<Page<Expense>>('GET', '/api/expenses');
  expect(items).toMatchObject([
    { amount: '20.00', currency: 'EUR' },
    { amount: '12.30', currency: 'EUR' },
  ]);
});

test('A CSV file of which a line cannot be read is refused with the number of the line', async () => {
  const alice = await service.traveller();
  const response = await alice.request(
    'POST',
    '/api/expenses/import',
    'date,amount\n2026-11-01,12.30\n2026-11-02,much\n',
  );
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ code: 'IMPORT', issues: [{ path: 'lines.3.amount' }] });
  expect((await alice.json<Page<Expense>>('GET', '/api/expenses')).items).toEqual([]);
});

test('An import with an option that it does not have is refused', async () => {
  const alice = await service.traveller();
  for (const query of ['decimal=x', 'on_progress=x', 'columns=x', 'nonsense=x']) {
    const response = await alice.request('POST', `/api/expenses/import?${query}`, 'date,amount\n2026-11-01,12.30\n');
    expect(response.status, query).toBe(422);
  }
});
