import { Command, InvalidArgumentError } from 'commander';
import { explainMethod } from '../../explain/explain_method.ts';
import type { Explained } from '../../explain/explaining_pool.ts';
import { type Caller, callerOf } from '../../explain/methods.ts';
import { planText, withoutValues } from '../../explain/plan_text.ts';
import { printable } from '../../inspect/text_table.ts';
import { shownText } from '../../telemetry/statement_text.ts';
import { withDatabaseUrl } from '../database_url.ts';

type Options = { databaseUrl: string; as: Caller; arguments: string; analyze?: boolean; json?: boolean };

/** `wheels-db explain` */
export function explainCommand(): Command {
  const command = new Command('explain')
    .description('Shows the plans of what a method of a repository sends, as a user.')
    .argument('<repository.method>', 'as on a session: trips.list')
    .requiredOption('--as <caller>', "a user's id, anon, service, or service:<user id> on their behalf", readCaller)
    .option('--arguments <json>', 'what the method is given, a JSON array', '[]')
    .option('--analyze', 'run each statement for its plan as well, and measure it')
    .option('--json', 'one JSON object, with plans as Postgres gives them')
    .addHelpText(
      'after',
      `
Examples:
  wheels-db explain trips.list --as 3f0c8f0e-8a52-4c63-9d0e-6f1f7e1d2a10 --arguments '[{"limit":20}]'
  wheels-db explain expenses.create --as 3f0c8f0e-8a52-4c63-9d0e-6f1f7e1d2a10 --analyze \\
    --arguments '[{"amount":"42.50","category":"fuel"}]'

The method runs, in a transaction that is rolled back: nothing of it lasts but the numbers that sequences gave out. Values
are never printed: in conditions a ? is in their place. What runs inside a function of the database is not in a plan.`,
    );
  return withDatabaseUrl(command).action(explain);
}

async function explain(method: string, options: Options, command: Command): Promise<void> {
  const { databaseUrl, as, analyze, json } = options;
  const inputs = readArguments(options.arguments);
  // Commander would say what was given, which may be a secret.
  if (!inputs) {
    return command.error('error: --arguments must be a JSON array, such as [{"limit":20}]', { exitCode: 2 });
  }
  const { statements, error } = await explainMethod(databaseUrl, as, method, inputs, analyze ?? false);
  const shown = statements.map(withoutItsValues);
  console.log(json ? JSON.stringify({ method, statements: shown }, undefined, 2) : shown.map(describe).join('\n\n'));
  if (error !== undefined) throw error;
}

type Shown = { sql: string } & ({ plan: unknown } | { unexplained: string });

function withoutItsValues({ sql, parameters, ...rest }: Explained): Shown {
  const text = shownText(sql, parameters).trim();
  return 'plan' in rest ? { sql: text, plan: withoutValues(rest.plan) } : { sql: text, ...rest };
}

function describe(statement: Shown, index: number): string {
  const plan = 'plan' in statement ? planText(statement.plan) : statement.unexplained;
  const lines = `${statement.sql}\n\n${plan}`.split('\n').map(printable);
  return `-- Statement ${index + 1}\n${lines.join('\n')}`;
}

function readCaller(text: string): Caller {
  try {
    return callerOf(text);
  } catch {
    throw new InvalidArgumentError("It must be a user's id (a uuid), anon, service, or service:<user id>.");
  }
}

function readArguments(json: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
