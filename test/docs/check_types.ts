import { join } from 'node:path';
import ts from 'typescript';
import { type Block, entries, root } from './pages.ts';

/**
 * Type-checks each block as a module of its own that imports the package as its users do. The keys of `ExampleNames` are
 * there by name; what a block declares itself hides them.
 *
 * @returns what the compiler says, each with the place in the page.
 */
export function typeErrors(blocks: readonly Block[], names: readonly string[]): string[] {
  const files = new Map(blocks.map((block, index) => [join(root, `docs/block_${index}.ts`), block]));
  const globals = join(root, 'docs/names.d.ts');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  const compilerOptions: ts.CompilerOptions = {
    ...options,
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
    paths: Object.fromEntries([...entries].map(([name, file]) => [name, [file]])),
  };
  const host = ts.createCompilerHost(compilerOptions);
  const texts = new Map([...files].map(([file, { code }]) => [file, `${code}\nexport {};\n`]));
  texts.set(globals, declarationOf(names));
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const text = texts.get(file);
    return text === undefined ? getSourceFile(file, ...rest) : ts.createSourceFile(file, text, ts.ScriptTarget.ES2024);
  };
  const program = ts.createProgram([...texts.keys()], compilerOptions, host);
  return [...texts.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map(({ messageText, start = 0 }) => {
      const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
      return `${placeOf(files.get(name), line)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}

function declarationOf(names: readonly string[]): string {
  const declared = names.map((name) => `  const ${name}: ExampleNames['${name}'];`).join('\n');
  return `import type { ExampleNames } from '../test/docs/example_names.ts';\ndeclare global {\n${declared}\n}\nexport {};\n`;
}

function placeOf(block: Block | undefined, line: number): string {
  if (!block) return 'the names of the examples';
  const [page, first] = block.place.split(':');
  return `${page}:${Number(first) + line}`;
}
