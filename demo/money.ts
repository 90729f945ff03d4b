import type { Session, UserRepositories } from '../src/index.ts';
import { heading, money, say, table } from './print.ts';

type User = Session<UserRepositories>;

const statement = `Buchungstag;Empfänger;Betrag;Währung
03.11.2026;Tankstelle Sonnenhof;-61,20;EUR
05.11.2026;Campingplatz am See;-1.084,00;EUR
06.11.2026;Rückzahlung Maut;12,50;EUR
31.02.2026;Bäckerei;-8,40;EUR
`;

/** A bank's file: semicolons, decimal commas, German dates, one credit and a day that does not exist. */
export async function readTheBank(maya: User): Promise<void> {
  heading("She reads in her German bank's statement, twice");
  for (const time of ['first', 'second']) {
    const report = await maya.expenses.importCsv(statement, {
      columns: { date: 'Buchungstag', description: 'Empfänger', amount: 'Betrag', currency: 'Währung' },
      category: 'bank',
      skip_rejected: true,
    });
    const { created, existing, credits, rejected } = report;
    say(`  The ${time} time: ${created} new, ${existing} known, ${credits} credit left out, ${rejected} rejected`);
    if (time === 'first') {
      for (const { line, column, reason } of report.reasons) say(`    line ${line}: ${column} ${reason}`);
    }
  }
}

export async function watchTheBudgets(maya: User): Promise<void> {
  heading('She keeps an eye on her budgets: this is how they stood on 20 October 2026');
  await maya.budgets.createMany([
    { amount: '400.00', category: 'fuel', period: 'monthly', starts_on: '2026-01-01' },
    { amount: '120.00', category: 'groceries', period: 'weekly', starts_on: '2026-01-05' },
    { amount: '24000.00', period: 'yearly', starts_on: '2026-01-01' },
  ]);
  const { items } = await maya.budgets.usage({ as_of: '2026-10-20' });
  say(
    table(
      items.map(({ category, period, amount, currency, used, remaining, percent, state }) => ({
        budget: `${category ?? 'everything'}, ${period}`,
        amount: money(amount, currency),
        used: money(used, currency),
        left: money(remaining, currency),
        percent,
        state,
      })),
    ),
  );
  say('\n  What came in and went out, by month and currency:\n');
  const flow = await maya.income.cashFlow({ from: '2026-08-01', to: '2026-10-31' });
  say(table(flow.map(({ month, currency, ...amounts }) => ({ month: month.slice(0, 7), currency, ...amounts }))));
}
