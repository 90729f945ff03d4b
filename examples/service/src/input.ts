import { text } from 'node:stream/consumers';
import { validate } from '@wheelsandwins/db/schemas';
import type { HonoRequest } from 'hono';
import { Refusal } from './problems.ts';

const largestBody = 5_000_000;

type Schema = Parameters<typeof validate>[0];

/** The body as the schema reads it. @throws {Refusal} if it is no JSON, or too large; `ValidationError`. */
export async function bodyOf<S extends Schema>(
  schema: S,
  request: HonoRequest,
): Promise<ReturnType<typeof validate<S>>> {
  return validate(schema, parse(await text(piecesOf(request))));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Refusal(400, 'The body is not JSON.');
  }
}

/** The body as it arrives. @throws {Refusal} when it turns out to be larger than 5 MB, or does not arrive whole. */
export async function* piecesOf({ raw: { body } }: HonoRequest): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  for await (const piece of arriving(body)) {
    size += piece.byteLength;
    if (size > largestBody) throw new Refusal(413, `The body is larger than ${largestBody} bytes.`);
    yield piece;
  }
}

async function* arriving(body: HonoRequest['raw']['body']): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body ?? [];
  } catch {
    throw new Refusal(400, 'The body did not arrive whole.');
  }
}

/** What a list takes: `limit` and `cursor`, and the rest of the query for the schema of its filter. */
export function listQuery({ limit, cursor, ...filter }: Record<string, string>) {
  return { page: { limit: numberOf(limit), cursor }, filter };
}

/** The version of `?if_version=3`, for an update. */
export function ifVersion(request: HonoRequest): { if_version?: number } {
  const version = numberOf(request.query('if_version'));
  return version === undefined ? {} : { if_version: version };
}

/** NaN where it is none, which every schema refuses. */
function numberOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value || Number.NaN);
}
