import { heading, isNumber, shown } from './cells.ts';
import type { Answer, Finding, Question } from './question.ts';
import { questionsByGroup } from './questions.ts';
import type { Report } from './report.ts';
import { verdict } from './report_text.ts';

/** The report as one HTML file that loads nothing. Whatever the server gave is text in it. */
export function reportPage({ database, server_version, role, created_at, findings, answers }: Report): string {
  const title = `Inspection of ${database}`;
  const time = created_at.slice(0, 16).replace('T', ' ');
  const sections = Object.entries(questionsByGroup).map(
    ([group, questions]) => `<section>
<h2>${escaped(group)}</h2>
${questions.map((question) => answerSection(question, answers[question.name])).join('\n')}
</section>`,
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p class="facts">Postgres ${escaped(server_version)} · as ${escaped(role)} · <time datetime="${escaped(created_at)}">${time} UTC</time></p>
<p class="verdict ${findings[0]?.severity ?? 'fine'}">${capitalised(verdict(findings.length))}</p>
</header>
<main>
${findings.length > 0 ? `<section>\n<h2>Findings</h2>\n${findings.map(findingSection).join('\n')}\n</section>` : ''}
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function findingSection({ severity, question, what, advice, manual, threshold, max }: Finding): string {
  return `<article class="${severity}">
<h3><span class="mark">${severity}</span> ${escaped(what)}</h3>
<p>${escaped(advice)}</p>
<p class="facts"><a href="#${question}">${question}</a> · threshold ${threshold} = ${max} · Postgres manual: “${escaped(manual)}”</p>
</article>`;
}

function answerSection({ name, asks, columns, thresholds }: Question, answer: Answer | undefined): string {
  const limits = thresholds.map(({ name, max, unit }) => `${name}: ${max} ${unit}`).join('; ');
  return `<details id="${name}"${hasFindings(answer) ? ' open="open"' : ''}>
<summary><b>${name}</b> <span>${escaped(asks)}</span> <i>${outcomeOf(answer)}</i></summary>
${limits ? `<p class="facts">By default at most: ${escaped(limits)}.</p>` : ''}
${answerBody(columns, answer)}
</details>`;
}

function hasFindings(answer: Answer | undefined): boolean {
  return answer !== undefined && 'findings' in answer && answer.findings.length > 0;
}

function outcomeOf(answer: Answer | undefined): string {
  if (answer === undefined || 'unanswered' in answer) return 'not answered';
  return answer.rows.length === 1 ? '1 row' : `${answer.rows.length} rows`;
}

function answerBody(columns: Question['columns'], answer: Answer | undefined): string {
  if (answer === undefined) return '';
  if ('unanswered' in answer) return `<p>${escaped(answer.unanswered)}</p>`;
  const note = answer.note ? `<p class="facts">${escaped(answer.note)}</p>` : '';
  if (answer.rows.length === 0) return `${note}<p class="facts">None.</p>`;
  const formats = Object.entries(columns);
  const cell = (tag: 'th' | 'td', format: (typeof formats)[number][1], text: string) =>
    `<${tag}${isNumber(format) ? ' class="number"' : ''}>${escaped(text)}</${tag}>`;
  const head = formats.map(([column, format]) => cell('th', format, heading(column)));
  const body = answer.rows.map(
    (row) =>
      `<tr>${formats.map(([column, format]) => cell('td', format, shown(row[column] ?? null, format))).join('')}</tr>`,
  );
  return `${note}<div class="wide"><table>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`;
}

const characters: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Without control characters too, which no page may have. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => characters[character] ?? '').replace(/\p{Cc}/gu, ' ');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const style = `
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --quiet: #5c6670; --line: #d9dee3; --raised: #f5f7f9;
  --critical: #b42318; --warning: #8a5a00; --fine: #1a7340; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --text: #e4e8ec; --quiet: #9aa5b0; --line: #323940;
  --raised: #1d2226; --critical: #ff8f85; --warning: #f0bd5b; --fine: #6fd08c; --link: #7db8f5; } }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
a { color: var(--link); }
.facts { color: var(--quiet); font-size: .875rem; }
.verdict { font-weight: 600; }
.verdict.critical, .critical .mark { color: var(--critical); }
.verdict.warning, .warning .mark { color: var(--warning); }
.verdict.fine { color: var(--fine); }
article { margin: .5rem 0; padding: .75rem 1rem; background: var(--raised); border-left: .25rem solid var(--warning); }
article.critical { border-color: var(--critical); }
.mark { text-transform: uppercase; font-size: .75rem; letter-spacing: .05em; }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; overflow: hidden; }
summary span { color: var(--quiet); }
summary i { float: right; color: var(--quiet); font-size: .875rem; }
.wide { overflow-x: auto; margin-top: .5rem; }
table { border-collapse: collapse; font-size: .875rem; min-width: 100%; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: break-word; max-width: 32rem; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media print { details { break-inside: avoid; } }
`;
