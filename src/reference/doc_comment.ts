/** A doc comment: what it says, what is thrown, by whom or when, and the examples' code. */
export type DocComment = { text: string; throws: readonly string[]; examples: readonly string[] };

/** Reads a doc comment as it stands in the source; `undefined` has nothing. */
export function parseDocComment(source: string | undefined): DocComment {
  const lines = (source ?? '')
    .replace(/^\/\*\*\s*|\s*\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''));
  const [text = '', ...tags] = lines.join('\n').split(/(?:^|\s)(?=@(?:throws|example|returns)\b)/);
  const throws: string[] = [];
  const examples: string[] = [];
  const returns: string[] = [];
  for (const tag of tags) {
    const [, name, content = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
    if (name === 'example') examples.push(content.trimEnd());
    else if (name === 'returns') returns.push(`Returns ${content.trim()}`);
    else
      throws.push(
        ...content
          .replace(/^\{(\w+)\}/, '`$1`')
          .trim()
          .split(/;\s+(?=`|others|as )/),
      );
  }
  return { text: [text.trim(), ...returns].filter(Boolean).join('\n\n'), throws: throws.map(sentence), examples };
}

function sentence(text: string): string {
  const line = text.replace(/\s+/g, ' ').replace(/\.$/, '');
  return line.charAt(0).toUpperCase() + line.slice(1);
}
