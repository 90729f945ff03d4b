type Cell = string | number | null;

/** Lays rows out under their columns' names; numbers and amounts of money stand to the right. */
export function table<Row extends Record<string, Cell>>(rows: Row[]): string {
  const [first] = rows;
  if (!first) return '  (nothing)';
  const columns = Object.keys(first).map((name) => {
    const cells = rows.map((row) => String(row[name] ?? '–'));
    const isNumber = cells.every((cell) => /^(–|-?[\d.,]+( [A-Z]{3}| km)?)$/.test(cell));
    const width = Math.max(name.length, ...cells.map((cell) => cell.length));
    const align = (text: string) => (isNumber ? text.padStart(width) : text.padEnd(width));
    return [align(name), '─'.repeat(width), ...cells.map(align)];
  });
  return (
    first &&
    [0, 1, ...rows.map((_, index) => index + 2)]
      .map((line) => `  ${columns.map((column) => column[line]).join('  ')}`.trimEnd())
      .join('\n')
  );
}

export function money(amount: string | null, currency: string): string | null {
  return amount === null ? null : `${amount.replace(/\B(?=(\d{3})+\.)/g, ',')} ${currency}`;
}

export function heading(text: string): void {
  say(`\n── ${text} ${'─'.repeat(Math.max(0, 90 - text.length))}\n`);
}

export function say(text: string): void {
  console.log(text);
}
