import { expect, test } from 'vitest';
import { questions } from '../../src/inspect/questions.ts';
import type { Report } from '../../src/inspect/report.ts';
import { reportPage } from '../../src/inspect/report_page.ts';
import { reportText } from '../../src/inspect/report_text.ts';

const hostile = `</td><script>alert("x")</script><img src='https://example.com/x.png'>&amp;\u0000\u001b[31m`;

const report: Report = {
  created_at: '2026-11-23T04:05:06.789Z',
  database: hostile,
  server_version: '18.4',
  role: 'postgres',
  findings: [
    {
      question: 'invalid-indexes',
      severity: 'critical',
      what: hostile,
      advice: 'Reindex it.',
      manual: 'CREATE INDEX',
      threshold: 'invalid-indexes',
      value: 1,
      max: 0,
    },
  ],
  answers: {
    'invalid-indexes': {
      rows: [{ index: hostile, table: null, in_progress: false }],
      note: hostile,
      findings: [],
    },
    'table-sizes': {
      rows: [{ table: 'trips', rows: 1234, table_bytes: 0, toast_bytes: 1024, index_bytes: 5 * 1024 ** 3, bytes: 1 }],
      note: undefined,
      findings: [],
    },
    'slow-statements': { unanswered: hostile },
  },
};

const page = reportPage(report);

test('is one well-formed file', () => {
  expect(page).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
  const open: string[] = [];
  const ids: string[] = [];
  const markup = page.replace('<!DOCTYPE html>', '').replace(/<style>[\s\S]*?<\/style>/, '');
  // Every "<" begins a tag whose attributes are quoted.
  expect(markup.replace(/<\/?[a-z]\w*(?: [\w-]+="[^"<>]*")*(?: \/)?>/g, '')).not.toMatch(/[<>]/);
  for (const [tag, slash, name, attributes = '', isVoid] of markup.matchAll(
    /<(\/?)(\w+)((?: [\w-]+="[^"]*")*)( \/)?>/g,
  )) {
    if (isVoid) continue;
    if (slash) expect(open.pop(), tag).toBe(name);
    else open.push(String(name));
    ids.push(...[...attributes.matchAll(/ id="([^"]*)"/g)].map(([, id]) => String(id)));
  }
  expect(open).toEqual([]);
  expect(ids).toEqual(questions.map(({ name }) => name));
  expect(markup).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
});

test('loads nothing', () => {
  expect(page.replaceAll('https://example.com/x.png', '')).not.toMatch(
    /https?:|\/\/|url\(|@import|<link|<script|<img|<iframe/i,
  );
  expect(page).not.toMatch(/ (src|srcset|action|on\w+)="/i);
  expect([...page.matchAll(/href="([^"]*)"/g)].map(([, target]) => target)).toEqual(['#invalid-indexes']);
});

test('shows what the server gave as text', () => {
  const shown =
    '&lt;/td&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;img src=&#39;https://example.com/x.png&#39;&gt;&amp;amp; ';
  // Title, heading, finding, cell, note and why a question is unanswered.
  expect(page.split(shown)).toHaveLength(7);
  expect(page.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});

test('shows values as people read them', () => {
  expect(page).toContain(
    '<td>trips</td><td class="number">1,234</td><td class="number">0 B</td><td class="number">1.0 kB</td>',
  );
  expect(page).toContain('<td class="number">5.0 GB</td>');
  expect(page).toContain('<td></td><td>no</td>');
  expect(page).toContain('1 finding.');
});

test('a terminal gets no control characters', () => {
  expect(reportText(report).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});
