import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { root } from './pages.ts';

function scriptsOf(folder: string): Record<string, string> {
  const file = join(root, folder, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).scripts : {};
}

/** The commands of `wheels-db`, as its own parser has them. */
async function wheelsCommands(): Promise<Command[]> {
  const files = globSync('src/cli/commands/*.ts', { cwd: root });
  const modules: Record<string, unknown>[] = await Promise.all(files.map((file) => import(join(root, file))));
  const makers = modules.flatMap((module) => Object.entries(module).filter(([name]) => name.endsWith('Command')));
  return makers.flatMap(([, make]) => (typeof make === 'function' ? [make() as Command] : []));
}

const commands = await wheelsCommands();

/** The single commands of a script, each as its words, without quotes, comments and redirections. */
export function commandsOf(script: string): string[][] {
  const lines = script
    .replace(/<<(\w+)\n[\s\S]*?\n\1$/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  return lines.flatMap((line) => {
    const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'|&;]|&(?!&))+|\|\|?|&&|;/g) ?? [];
    const comment = words.findIndex((word) => word.startsWith('#'));
    const found: string[][] = [[]];
    for (const word of comment === -1 ? words : words.slice(0, comment)) {
      if (/^(\|\|?|&&|;)$/.test(word)) found.push([]);
      else found.at(-1)?.push(word.replace(/^["']|["']$/g, ''));
    }
    return found.filter((command) => command.length > 0);
  });
}

/** What is wrong with a command of ours, called in a folder of the repository; nothing with other people's. */
export function complaints(words: readonly string[], folder = '.'): string[] {
  const [program = '', ...rest] = words.filter((word) => !/^[A-Z_]+=/.test(word));
  if (program === 'wheels-db') return ofWheels(rest);
  if (program === 'npx' && rest[0] === 'kysely') return ofKysely(rest.slice(1));
  if (program === 'npm' && rest[0] === 'test') return ofScript(['test', ...rest.slice(1)], folder);
  if (program === 'npm' && rest[0] === 'run' && rest.length > 1)
    return ofScript(
      rest.slice(1).filter((word) => word !== '-s'),
      folder,
    );
  return [];
}

function ofWheels(words: readonly string[], name = 'wheels-db', among: readonly Command[] = commands): string[] {
  const [next = '', ...rest] = words;
  if (next === '' || next.startsWith('-')) return [];
  const command = among.find((each) => each.name() === next);
  if (!command) return [`${name} has no command ${next}`];
  const called = `${name} ${next}`;
  if (command.commands.length > 0 && !rest[0]?.startsWith('-')) return ofWheels(rest, called, command.commands);
  return unknownTo(command, rest).map((complaint) => `${called} ${complaint}`);
}

function unknownTo(command: Command, words: readonly string[]): string[] {
  const { registeredArguments } = command;
  const most = registeredArguments.some(({ variadic }) => variadic) ? 99 : registeredArguments.length;
  try {
    const { operands, unknown } = command
      .exitOverride()
      .configureOutput({ writeErr() {} })
      .parseOptions([...words]);
    const tooMany = operands.length > most ? [`takes at most ${most} arguments`] : [];
    return [...unknown.filter((word) => word.startsWith('-')).map((word) => `does not know ${word}`), ...tooMany];
  } catch (error) {
    // A value that stands for something, such as "$USER_ID".
    if (error instanceof CommanderError && error.code === 'commander.invalidArgument') return [];
    throw error;
  }
}

/** As its program declares them: with `--help` it loads the configuration, and migrates. */
const kysely = readFileSync(join(root, 'node_modules/kysely-ctl/dist/bin.mjs'), 'utf8');

function ofKysely([name = '', ...rest]: readonly string[]): string[] {
  if (!kysely.includes(`createSubcommand("${name}"`)) return [`kysely has no command ${name}`];
  const isDeclared = (option: string) => new RegExp(`^\\s*"?${option.slice(2)}"?: \\{$`, 'm').test(kysely);
  return rest
    .filter((word) => word.startsWith('--') && !isDeclared(word))
    .map((word) => `kysely ${name} does not know ${word}`);
}

function ofScript([name = '', ...rest]: readonly string[], folder: string): string[] {
  const script = scriptsOf(folder)[name] ?? scriptsOf('.')[name];
  if (script === undefined) return [`package.json has no script ${name}`];
  const given = rest.filter((word) => word !== '--');
  if (name === 'wheels-db') return ofWheels(given);
  const program = /^node (\S+\.ts)/.exec(script)?.[1];
  if (!program)
    return given
      .filter((path) => path.includes('/') && !existsSync(join(root, path)))
      .map((path) => `${path} is not there`);
  const text = readFileSync(join(root, program), 'utf8');
  return given
    .filter((word) => word.startsWith('--') && word !== '--help' && !text.includes(word))
    .map((word) => `npm run ${name} does not know ${word}`);
}
