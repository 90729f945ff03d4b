/**
 * A process that begins, does one thing and ends, as a serverless function does. Arguments: the file of a contender, the
 * connection string, a user and one of their expenses. It prints what it took as JSON.
 */
import { pathToFileURL } from 'node:url';
import type { Started } from './cold_start.ts';
import type { Contender } from './contenders/contender.ts';

const [file = '', connectionString = '', user = '', expense = ''] = process.argv.slice(2);
const start = performance.now();
const { contender }: { contender: Contender } = await import(pathToFileURL(file).href);
const imported = performance.now();
const { as, close } = contender.open({ connectionString, connections: 1 });
const works = as(user);
await works.get(expense);
const answered = performance.now();
const firstRow = { importMillis: imported - start, firstRowMillis: answered - imported };
console.log(JSON.stringify({ ...firstRow, rss: process.memoryUsage().rss } satisfies Started));
await close();
