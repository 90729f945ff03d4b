import { expect, test } from 'vitest';
import { runScript } from './run_script.ts';

test.each(['src/cli/generate_types.ts', 'src/cli/schema_manifest.ts', 'demo/run.ts'])(
  '%s explains itself and refuses what it does not know',
  async (script) => {
    expect(await runScript(script, '', '--help')).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout, stderr } = await runScript(script, '', '--chekc');
    expect(stderr).toMatch(/^Unknown option '--chekc'[^\n]*\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  },
);
