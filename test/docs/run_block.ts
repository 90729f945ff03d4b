import ts from 'typescript';
import { type Block, entries } from './pages.ts';

const AsyncFunction = (async () => {}).constructor as new (
  ...parameters: string[]
) => (...values: unknown[]) => Promise<unknown>;

/** Runs a block as a module, in which the names have these values; what it prints is not shown. */
export async function runBlock({ code }: Block, names: Readonly<Record<string, unknown>>): Promise<void> {
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ESNext, esModuleInterop: true };
  const { outputText } = ts.transpileModule(code, { compilerOptions });
  const modules = new Map<string, unknown>();
  for (const { fileName } of ts.preProcessFile(code).importedFiles) {
    modules.set(fileName, { __esModule: true, ...(await import(entries.get(fileName) ?? fileName)) });
  }
  const given = {
    ...names,
    exports: {},
    require: (name: string) => modules.get(name),
    console: { log() {}, error() {} },
  };
  // In a function of its own, so that a block may declare what is a name here.
  const run = new AsyncFunction(...Object.keys(given), `await (async () => {\n${outputText}\n})();`);
  await run(...Object.values(given));
}
