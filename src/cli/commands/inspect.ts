import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { needsAnotherPlace } from '../../arguments/needs_another_place.ts';
import { inspected } from '../../inspect/inspected.ts';
import { type Limits, readLimit, readLimits, thresholdsOf } from '../../inspect/limits.ts';
import type { Question } from '../../inspect/question.ts';
import { questions, questionsByGroup } from '../../inspect/questions.ts';
import { makeReport } from '../../inspect/report.ts';
import { reportPage } from '../../inspect/report_page.ts';
import { reportText } from '../../inspect/report_text.ts';
import { textTable } from '../../inspect/text_table.ts';
import { withDatabaseUrl } from '../database_url.ts';

const thresholds = thresholdsOf(questions);

/** `wheels-db inspect`, with a subcommand for each question and one for all of them. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('Answers what an operator asks of a server.')
    .usage(
      '<question> [--json]\n       wheels-db inspect report [--html <file>] [--json] [--thresholds <file>] [--max <name=value>]',
    )
    .argument('[question]')
    .exitOverride()
    .configureHelp({ visibleArguments: () => [], visibleCommands: () => [] })
    .addHelpText('after', listing);
  command.action((name: string | undefined) => {
    if (name === undefined) return command.outputHelp();
    command.error(`error: "${name}" is no question: wheels-db inspect lists them.`, { exitCode: 2 });
  });
  for (const question of questions) addQuestion(command, question);
  addReport(command);
  return command;
}

const listing = `
Questions:
${Object.entries(questionsByGroup)
  .map(([group, asked]) => `  ${group}\n${asked.map(({ name, asks }) => `    ${name.padEnd(21)}${asks}`).join('\n')}`)
  .join('\n')}

A report asks them all, and says what is beyond a threshold. Nothing of this reads a row of a table or changes anything.
Everything is answered as far as the role may see it; pg_monitor sees all.`;

function addQuestion(command: Command, question: Question): void {
  withDatabaseUrl(command.command(question.name))
    .description(question.asks)
    .option('--json', 'one JSON object: its rows, or why it is unanswered')
    .action(async ({ databaseUrl, json }: { databaseUrl: string; json?: boolean }) => {
      const answer = await inspected(databaseUrl, (server) => question.ask(server, new Map()));
      if (json) return console.log(JSON.stringify({ question: question.name, ...answer }, undefined, 2));
      if ('unanswered' in answer) return console.log(answer.unanswered);
      const { rows, note } = answer;
      console.log(rows.length === 0 ? 'None.' : textTable(question.columns, rows, process.stdout.columns));
      if (note) console.error(note);
    });
}

type ReportOptions = {
  databaseUrl: string;
  html?: string;
  json?: boolean;
  thresholds?: Limits;
  max?: Limits;
};

function addReport(command: Command): void {
  withDatabaseUrl(command.command('report'))
    .description('Asks everything, and says what is beyond a threshold: then the exit code is 1.')
    .option('--html <file>', 'write a page for people, one file')
    .option('--json', 'print all answers and findings as one JSON object')
    .option('--thresholds <file>', 'a JSON object of thresholds by name', readThresholds)
    .option('--max <name=value>', 'a threshold, before the file; again for another', readMax)
    .addHelpText(
      'after',
      `
Thresholds:
${thresholds.map(({ name, max, unit }) => `  ${`${name}=${max}`.padEnd(34)}${unit}`).join('\n')}

Examples:
  wheels-db inspect report --html inspection.html
  wheels-db inspect report --json --max retained-wal-megabytes=200 | jq '.findings[].what'

Exit code 0 if nothing is beyond its threshold, 1 if something is or the server cannot be reached, 2 for a wrong argument.`,
    )
    .action(async ({ databaseUrl, html, json, thresholds = new Map(), max = new Map() }: ReportOptions) => {
      const limits = new Map([...thresholds, ...max]);
      const report = await inspected(databaseUrl, (server) => makeReport(server, limits));
      if (html !== undefined) await writeFile(html, reportPage(report)).catch(needsAnotherPlace(html));
      console.log(json ? JSON.stringify(report, undefined, 2) : reportText(report));
      if (report.findings.length > 0) process.exitCode = 1;
    });
}

function readMax(text: string, before: Limits = new Map()): Limits {
  return new Map([...before, orRefuse(() => readLimit(text, thresholds))]);
}

function readThresholds(file: string): Limits {
  return orRefuse(() => readLimits(readFileSync(file, 'utf8'), thresholds));
}

/** What is wrong with an argument is told as commander tells it. */
function orRefuse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
