import { shownText } from '../telemetry/statement_text.ts';

type Plan = { readonly [key: string]: unknown };

/** Names from the schema and words of Postgres' own. Any other text in a plan is an expression, which may hold values. */
const names = new Set([
  'Alias',
  'CTE Name',
  'Cache Mode',
  'Command',
  'Conflict Arbiter Indexes',
  'Conflict Resolution',
  'Constraint Name',
  'Function Name',
  'Index Name',
  'Join Type',
  'Node Type',
  'Operation',
  'Parent Relationship',
  'Partial Mode',
  'Relation',
  'Relation Name',
  'Scan Direction',
  'Schema',
  'Sort Method',
  'Sort Space Type',
  'Storage',
  'Strategy',
  'Subplan Name',
  'Trigger Name',
]);

/**
 * A plan of `explain (format json)` without the values that Postgres wrote into its conditions: `?` is in their place, as
 * it is for the constants of a condition.
 */
export function withoutValues(plan: unknown, key = ''): unknown {
  if (typeof plan === 'string') return names.has(key) ? plan : withoutLiterals(plan);
  if (Array.isArray(plan)) return plan.map((part) => withoutValues(part, key));
  if (!isPlan(plan) || key === 'Settings') return plan;
  return Object.fromEntries(Object.entries(plan).map(([name, part]) => [name, withoutValues(part, name)]));
}

/** The number of a subplan is none: as a quoted name it stays. */
function withoutLiterals(expression: string): string {
  const quoted = expression.replace(/\b(InitPlan|SubPlan) (\d+)/g, '$1 "$2"');
  return shownText(quoted, []).replace(/\b(InitPlan|SubPlan) "(\d+)"/g, '$1 $2');
}

/** A plan as `explain` prints it, roughly; the values in it are those that it has. */
export function planText(explained: unknown): string {
  if (!isPlan(explained)) return '';
  const { Plan: root, Planning: planning, Triggers: triggers, Settings: settings, ...rest } = explained;
  const lines = isPlan(root) ? nodeLines(root, 0) : [];
  if (isPlan(planning)) lines.push(...detailLines(planning, '').map((line) => `Planning: ${line}`));
  for (const trigger of Array.isArray(triggers) ? triggers.filter(isPlan) : []) {
    lines.push(
      `Trigger ${text(trigger['Constraint Name'] ?? trigger['Trigger Name'])}: time=${text(trigger.Time)} calls=${text(trigger.Calls)}`,
    );
  }
  if (isPlan(settings))
    lines.push(
      `Settings: ${Object.entries(settings)
        .map(([name, value]) => `${name}=${text(value)}`)
        .join(', ')}`,
    );
  for (const name of ['Planning Time', 'Execution Time']) {
    if (typeof rest[name] === 'number') lines.push(`${name}: ${rest[name]} ms`);
  }
  return lines.join('\n');
}

/** What the first line of a node says, or nobody needs. */
const inHead = new Set([
  'Node Type',
  'Operation',
  'Join Type',
  'Strategy',
  'Partial Mode',
  'Relation Name',
  'Schema',
  'Alias',
  'Index Name',
  'Scan Direction',
  'Function Name',
  'CTE Name',
  'Subplan Name',
  'Parent Relationship',
  'Parallel Aware',
  'Async Capable',
  'Disabled',
  'Startup Cost',
  'Total Cost',
  'Plan Rows',
  'Plan Width',
  'Actual Startup Time',
  'Actual Total Time',
  'Actual Rows',
  'Actual Loops',
  'Plans',
]);

function nodeLines(node: Plan, depth: number): string[] {
  const indent = '   '.repeat(depth);
  const subplan = node['Subplan Name'] === undefined ? [] : [`${indent}${text(node['Subplan Name'])}`];
  const cost = `cost=${text(node['Startup Cost'])}..${text(node['Total Cost'])} rows=${text(node['Plan Rows'])}`;
  const actual =
    node['Actual Rows'] === undefined
      ? ''
      : ` (actual time=${text(node['Actual Startup Time'])}..${text(node['Actual Total Time'])} rows=${text(node['Actual Rows'])} loops=${text(node['Actual Loops'])})`;
  const children = Array.isArray(node.Plans) ? node.Plans.filter(isPlan) : [];
  return [
    ...subplan,
    `${indent}-> ${titleOf(node)}  (${cost})${actual}`,
    ...detailLines(node, `${indent}     `),
    ...children.flatMap((child) => nodeLines(child, depth + 1)),
  ];
}

function titleOf(node: Plan): string {
  const kind = [node.Operation ?? node['Node Type'], node['Join Type'] === 'Inner' ? undefined : node['Join Type']];
  const parts = [
    ...kind.map(text),
    node['Index Name'] === undefined ? '' : `using ${text(node['Index Name'])}`,
    node['Scan Direction'] === 'Backward' ? 'backward' : '',
    on(node),
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function on(node: Plan): string {
  const name = text(node['Relation Name'] ?? node['Function Name'] ?? node['CTE Name']);
  const alias = text(node.Alias);
  if (name === '') return '';
  return `on ${name}${alias === '' || alias === name ? '' : ` ${alias}`}`;
}

function detailLines(node: Plan, indent: string): string[] {
  return Object.entries(node)
    .filter(([key, value]) => !inHead.has(key) && value !== 0 && value !== false)
    .map(([key, value]) => `${indent}${key}: ${Array.isArray(value) ? value.map(text).join(', ') : text(value)}`);
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isPlan(value: unknown): value is Plan {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
