import type { Report } from './report.ts';
import { printable } from './text_table.ts';

/** What a terminal shows of a report: the findings, and what could not be answered. */
export function reportText({ database, server_version, role, findings, answers }: Report): string {
  const unanswered = Object.entries(answers).flatMap(([name, answer]) =>
    'unanswered' in answer ? [`  ${name}: ${printable(answer.unanswered)}`] : [],
  );
  const notes = Object.values(answers).flatMap((answer) => ('note' in answer && answer.note ? [answer.note] : []));
  return [
    `${printable(database)}, Postgres ${server_version}, as ${printable(role)}: ${verdict(findings.length)}`,
    ...findings.map(
      ({ severity, what, advice, manual, threshold, max }) =>
        `\n${severity}: ${printable(what)}\n  ${advice}\n  Threshold ${threshold}=${max}. Postgres manual: ${manual}.`,
    ),
    ...(unanswered.length > 0 ? [`\nNot answered:\n${unanswered.join('\n')}`] : []),
    ...[...new Set(notes)].map((note) => `\n${printable(note)}`),
  ].join('\n');
}

export function verdict(findings: number): string {
  if (findings === 0) return 'nothing is beyond its threshold.';
  return findings === 1 ? '1 finding.' : `${findings} findings.`;
}
