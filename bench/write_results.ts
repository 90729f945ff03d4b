import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { drawColdStarts, drawGrowth, drawRatios } from './charts.ts';
import type { Machine } from './machine.ts';
import { describeMachineLine, durationOf, emptyReport, type Report, type Stage } from './report.ts';

/** What was written before, if it was measured on the same machine: a run that measures a part keeps the rest. */
export async function readResults(folder: URL, machine: Machine): Promise<Report> {
  const text = await readFile(new URL('results.json', folder), 'utf8').catch(() => undefined);
  const before: Report | undefined = text && JSON.parse(text);
  const { load: _, ...same } = machine;
  if (!before || !isDeepStrictEqual({ ...before.machine, ...same }, before.machine)) {
    return emptyReport(machine);
  }
  return { ...before, machine };
}

/** Writes the report as JSON, a page of tables and charts. What was not measured is left out of the page. */
export async function writeResults(folder: URL, report: Report): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, content: string) => writeFile(new URL(name, folder), content);
  const sections: string[] = [];
  for (const delay of new Set(report.stages.map((stage) => stage.delay))) {
    const chart = `ratios-${delay}ms.svg`;
    await write(chart, drawRatios(report.stages, delay));
    const stages = report.stages.filter((stage) => stage.delay === delay);
    const network = delay === 0 ? 'No network delay' : `${delay} ms a round trip`;
    sections.push(`## ${network}\n\n![${network}](${chart})`, ...stages.map(tableOf));
  }
  if (report.layers.length > 0) sections.push('## Where time goes', ...report.layers.map(tableOf));
  if (report.growth.length > 0) sections.push('## Growth');
  for (const growth of report.growth) {
    const chart = `growth-${growth.name}.svg`;
    await write(chart, drawGrowth(growth));
    sections.push(`![${growth.title}](${chart})`);
  }
  if (report.starts.length > 0) {
    await write('cold-start.svg', drawColdStarts(report.starts));
    const rows = report.starts.map(({ contender, importMillis, firstRowMillis, totalMillis, bundleBytes, rss }) => [
      contender,
      ...[importMillis, firstRowMillis, totalMillis].map((millis) => `${millis.toFixed(0)} ms`),
      `${(bundleBytes / 1024).toFixed(0)} kB`,
      `${(rss / 1024 / 1024).toFixed(0)} MB`,
    ]);
    const head = ['', 'import', 'first row', 'in all', 'bundle', 'memory'];
    sections.push('## Cold start', '![Cold start](cold-start.svg)', table(head, rows));
  }
  await write('results.json', `${JSON.stringify(report, undefined, 1)}\n`);
  const head = `# What was measured\n\nWritten by \`npm run bench -- --write\`; [benchmarks.md](../benchmarks.md) says how and what it means.\n\n${describeMachineLine(report.machine)}.`;
  await write('results.md', `${[head, ...sections].join('\n\n')}\n`);
}

function tableOf({ title, results }: Stage): string {
  const head = ['', 'a second', 'beside the floor', '95 %', 'p50', 'p99', 'CPU', 'round trips'];
  const rows = results.map(({ contender, throughput, ratio, p50, p99, cpuMicros, roundTrips }) => [
    contender === 'this package' ? `**${contender}**` : contender,
    throughput >= 100 ? Math.round(throughput).toLocaleString('en') : throughput.toPrecision(2),
    `${ratio.median.toFixed(2)}×`,
    ratio.interval.map((end) => end.toFixed(2)).join('–'),
    ...[p50, p99, cpuMicros].map(durationOf),
    String(roundTrips),
  ]);
  return `### ${title}\n\n${table(head, rows)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
