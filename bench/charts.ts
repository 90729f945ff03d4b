import type { ColdStart } from './cold_start.ts';
import type { Growth } from './growth.ts';
import { durationOf, type Stage } from './report.ts';

/** Told apart also by who does not see all colours (Okabe and Ito), and by their shapes. */
const colours = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#B8860B', '#56B4E9', '#000000', '#7F7F7F', '#8B4513'];

const text = (x: number, y: number, content: string, attributes = '') =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escaped(content)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, attributes: string) =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${attributes}/>`;
const grid = 'stroke="#ddd"';
const end = 'text-anchor="end"';
const middle = 'text-anchor="middle"';

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
${text(16, 24, title, 'font-size="15" font-weight="600"')}
${parts.join('\n')}
</svg>
`;
}

/** One mark of its own for each series. */
function mark(index: number, x: number, y: number): string {
  const fill = `fill="${colours[index % colours.length]}"`;
  if (index === 0) return `<circle cx="${round(x)}" cy="${round(y)}" r="6" ${fill}/>`;
  const [left, top] = [round(x - 4), round(y - 4)];
  if (index % 3 === 0) return `<rect x="${left}" y="${top}" width="8" height="8" ${fill}/>`;
  if (index % 3 === 1) return `<path d="M${round(x)} ${top}l4.5 8h-9z" ${fill}/>`;
  return `<path d="M${round(x)} ${round(y - 5)}l5 5l-5 5l-5 -5z" ${fill}/>`;
}

/** 1, 2, 5, 10 … between two values. */
function ticksBetween(from: number, to: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    for (const factor of [1, 2, 5]) ticks.push(factor * 10 ** power);
  }
  return ticks.filter((tick) => tick >= from && tick <= to);
}

function logScale(from: number, to: number, start: number, length: number): (value: number) => number {
  return (value) => start + (Math.log10(value / from) / Math.log10(to / from)) * length;
}

/** For each work, how many times as long as the floor everybody takes who goes through row level security. */
export function drawRatios(stages: readonly Stage[], delay: number): string {
  const shown = stages.filter((stage) => stage.delay === delay);
  const names = [
    ...new Set(shown.flatMap(({ results }) => results.filter((each) => each.isScoped).map((each) => each.contender))),
  ];
  const values = shown.flatMap(({ results }) =>
    results.filter((each) => each.isScoped).map(({ ratio }) => ratio.median),
  );
  const [from, to] = [Math.min(0.8, ...values) * 0.95, Math.max(2, ...values) * 1.1];
  const [left, top, width, row] = [290, 92, 560, 30];
  const x = logScale(from, to, left, width);
  const bottom = top + shown.length * row;
  const legend = names.map((name, index) => {
    const [column, place] = [index % 4, Math.floor(index / 4)];
    return mark(index, 24 + column * 215, 46 + place * 18) + text(36 + column * 215, 50 + place * 18, name);
  });
  const axis = ticksBetween(from, to).map(
    (tick) =>
      line(x(tick), top, x(tick), bottom, tick === 1 ? 'stroke="#222"' : grid) +
      text(x(tick), bottom + 18, `${tick}×`, middle),
  );
  const rows = shown.map(({ title, results }, place) => {
    const y = top + (place + 0.5) * row;
    const marks = names.map((name, index) => {
      const ratio = results.find((each) => each.contender === name)?.ratio;
      if (!ratio) return '';
      const [low, high] = ratio.interval;
      const colour = `stroke="${colours[index % colours.length]}" stroke-width="2" stroke-opacity="0.5"`;
      return line(x(Math.max(low, from)), y, x(Math.min(high, to)), y, colour) + mark(index, x(ratio.median), y);
    });
    const short = title.length > 46 ? `${title.slice(0, 44)}…` : title;
    return text(left - 10, y + 4, short, end) + line(left, y, left + width, y, grid) + marks.reverse().join('');
  });
  const network = delay === 0 ? 'no network delay' : `${delay} ms a round trip`;
  return svg(880, bottom + 48, `Time beside prepared pg without row level security; ${network}`, [
    ...legend,
    ...axis,
    ...rows,
    text(
      left,
      bottom + 38,
      'Shorter is better, on a logarithmic scale. 1× goes through no policy. Lines are 95 % intervals.',
      'fill="#555"',
    ),
  ]);
}

/** What the methods of a dimension cost by how much is stored, both on logarithmic scales. */
export function drawGrowth({ title, methods }: Growth): string {
  const points = methods.flatMap((method) => method.points);
  const [least, most] = [Math.min(...points.map(({ rows }) => rows)), Math.max(...points.map(({ rows }) => rows), 100)];
  const from = Math.min(...points.map(({ quartiles }) => quartiles[0])) * 0.7;
  const to = Math.max(...points.map(({ quartiles }) => quartiles[1]), from * 20) * 1.3;
  const [left, top, width, height] = [70, 44, 480, 260];
  const x = logScale(least, most, left, width);
  const y = (value: number) => top + height - logScale(from, to, 0, height)(value);
  const axis = [
    ...ticksBetween(from, to).map(
      (tick) => line(left, y(tick), left + width, y(tick), grid) + text(left - 8, y(tick) + 4, durationOf(tick), end),
    ),
    ...[...new Set(points.map(({ rows }) => rows))].map((rows) =>
      text(x(rows), top + height + 18, rows.toLocaleString('en'), middle),
    ),
  ];
  const lines = methods.map(({ points: own }, index) => {
    const path = own.map(({ rows, micros }) => `${round(x(rows))},${round(y(micros))}`).join(' ');
    const stroke = `fill="none" stroke="${colours[index % colours.length]}" stroke-width="2"`;
    return `<polyline points="${path}" ${stroke}/>${own.map(({ rows, micros }) => mark(index, x(rows), y(micros))).join('')}`;
  });
  const legend = methods.map(({ method }, index) => {
    const place = top + 14 + index * 20;
    return mark(index, left + width + 24, place) + text(left + width + 38, place + 4, method);
  });
  return svg(820, top + height + 36, `A call by how many there are: ${title}`, [...axis, ...lines, ...legend]);
}

/** From the start of a process to its first row. */
export function drawColdStarts(starts: readonly ColdStart[]): string {
  const most = Math.max(...starts.map(({ totalMillis }) => totalMillis)) * 1.05;
  const [left, top, width, row] = [210, 44, 430, 28];
  const x = (millis: number) => left + (millis / most) * width;
  const bars = starts.map(({ contender, totalMillis, importMillis, bundleBytes }, place) => {
    const y = top + place * row;
    const colour = contender === 'this package' ? colours[0] : '#999';
    return [
      text(left - 10, y + 15, contender, end),
      `<rect x="${left}" y="${y}" width="${round(x(totalMillis) - left)}" height="20" fill="${colour}"/>`,
      text(
        x(totalMillis) + 8,
        y + 15,
        `${totalMillis.toFixed(0)} ms (import ${importMillis.toFixed(0)}), ${(bundleBytes / 1024).toFixed(0)} kB`,
      ),
    ].join('');
  });
  return svg(
    900,
    top + starts.length * row + 16,
    'From the start of a process to its first row, as one bundled file',
    bars,
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
