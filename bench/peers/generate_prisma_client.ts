import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * `prisma generate` as its documentation has it. It looks for an engine for migrations, which it then does not use: a
 * program that stands for it spares the download.
 */
const schema = fileURLToPath(new URL('prisma/schema.prisma', import.meta.url));
const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' };
await promisify(execFile)('prisma', ['generate', '--schema', schema], { env, shell: process.platform === 'win32' });
