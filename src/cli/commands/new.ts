import { Command, InvalidArgumentError } from 'commander';
import { writeNewMigration } from '../../migrations/new_migration.ts';

/** `wheels-db new` */
export function newCommand(): Command {
  return new Command('new')
    .description('Writes the next migration, with up and down to fill in.')
    .argument('<name>', 'of what it makes, in small letters: trip_photos', readName)
    .option('--folder <folder>', 'where the migrations are', 'migrations')
    .option('--json', 'the name of the file as JSON')
    .addHelpText(
      'after',
      `
Example:
  wheels-db new trip_photos`,
    )
    .action(async (name: string, { folder, json }: { folder: string; json?: boolean }) => {
      const file = await writeNewMigration(folder, name);
      console.log(json ? JSON.stringify({ file }) : file);
    });
}

function readName(text: string): string {
  const name = text.replaceAll('-', '_');
  if (/^[a-z][a-z0-9_]*$/.test(name)) return name;
  throw new InvalidArgumentError('It must be words of small letters, such as trip_photos.');
}
