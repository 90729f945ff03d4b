import { slug } from 'github-slugger';
import { pageOf, type ReferencePage, referencePages } from './pages.ts';
import type { Export, Member } from './read_surface.ts';

const written = '<!-- Written by `npm run docs` from the doc comments in `src/`: change those. -->';

/** The pages of the reference, by their file names in `docs/reference`. */
export function referenceText(surface: readonly Export[]): Map<string, string> {
  const links = linksTo(surface);
  const files = referencePages.map((page): [string, string] => {
    const exports = surface.filter((each) => pageOf(each) === page);
    return [`${page.name}.md`, pageText(page, exports, (name) => links.get(name)?.replace(`${page.name}.md#`, '#'))];
  });
  return new Map([['README.md', indexText(surface)], ...files]);
}

type LinkTo = (name: string) => string | undefined;

function linksTo(surface: readonly Export[]): Map<string, string> {
  return new Map(surface.map((each) => [each.name, `${pageOf(each).name}.md#${slug(each.name)}`] as const));
}

function indexText(surface: readonly Export[]): string {
  const rows = referencePages.map((page) => {
    const main = surface.filter((each) => pageOf(each) === page);
    const names = [...main.filter(isMain), ...main.filter((each) => !isMain(each))].map(({ name }) => `\`${name}\``);
    return `| [${page.title}](${page.name}.md) | ${names.slice(0, 4).join(', ')}${names.length > 4 ? ' …' : ''} |`;
  });
  return `# Reference\n\n${written}\n\nEvery name that the package exports. What runs is imported from \`@wheelsandwins/db\`; types of rows and inputs, and lists of
values, from \`@wheelsandwins/db/types\`; what checks input from \`@wheelsandwins/db/schemas\`; the way to the schema
from \`@wheelsandwins/db/migrations\`; what tests need from \`@wheelsandwins/db/testing\`.\n\n| page | has |\n| --- | --- |\n${rows.join('\n')}\n`;
}

function pageText({ title, lead }: ReferencePage, exports: readonly Export[], linkTo: LinkTo): string {
  const inOrder = [...exports.filter(isMain), ...exports.filter((each) => !isMain(each))];
  return `${[`# ${title}`, written, lead, ...inOrder.map((each) => exportText(each, linkTo))].join('\n\n')}\n`;
}

/** What has methods comes first, then what these take and give. */
function isMain({ kind, members }: Export): boolean {
  return kind === 'class' || kind === 'function' || members.length > 0;
}

function exportText(each: Export, linkTo: LinkTo): string {
  const { name, kind, code, doc, members, base } = each;
  const inherited = base && linkTo(base) ? `Has everything that [\`${base}\`](${linkTo(base)}) has.` : '';
  const parts = [`## ${name}`];
  if (kind === 'function') parts.push(fenced(code));
  parts.push(docText(doc, inherited));
  if (kind === 'type' || kind === 'value') parts.push(fenced(code));
  if (kind !== 'class') parts.push(typesText(code, name, linkTo));
  const methods = members.filter(({ signature }) => /^\w+(<[\s\S]*?>)?\(/.test(signature));
  const properties = members.filter((member) => !methods.includes(member));
  if (properties.length > 0) parts.push(fenced(properties.map(propertyText).join('\n')));
  parts.push(...methods.map((method) => memberText(method, name, linkTo)));
  return parts.filter(Boolean).join('\n\n');
}

function propertyText({ signature, doc }: Member): string {
  return doc.text ? `/** ${doc.text} */\n${signature}` : signature;
}

function memberText({ name, signature, doc }: Member, owner: string, linkTo: LinkTo): string {
  const parts = [`### ${owner}.${name}`, fenced(signature), docText(doc), typesText(signature, owner, linkTo)];
  return parts.filter(Boolean).join('\n\n');
}

function docText({ text, throws, examples }: Export['doc'], besides = ''): string {
  const thrown = throws.length > 0 && `Throws\n\n${throws.map((each) => `- ${each}`).join('\n')}`;
  const parts = [text, besides, thrown, ...examples.map((example) => `\`\`\`ts\n${example}\n\`\`\``)];
  return parts.filter(Boolean).join('\n\n');
}

/** Declarations are no examples, which are checked: hence not `ts`. */
function fenced(code: string): string {
  return `\`\`\`typescript\n${code}\n\`\`\``;
}

function typesText(code: string, self: string, linkTo: LinkTo): string {
  const names = [...new Set(code.replace(/\/\*[\s\S]*?\*\//g, '').match(/\b[A-Z]\w+/g))].filter(
    (name) => name !== self,
  );
  const links = names.flatMap((name) => (linkTo(name) ? [`[\`${name}\`](${linkTo(name)})`] : []));
  return links.length > 0 ? links.join(' · ') : '';
}
