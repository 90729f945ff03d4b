import { setImmediate } from 'node:timers/promises';
import { TextDecoder } from 'node:util';
import { refuseSource } from './refuse.ts';

/** A file: its text, its bytes in UTF-8, or a stream of either. */
export type CsvSource = string | Uint8Array | AsyncIterable<string | Uint8Array>;

const pieceBytes = 65_536;

/** The bytes of a file in pieces of at most 64 KiB. @throws {ValidationError} if they are not UTF-8. */
export async function* piecesOf(source: CsvSource): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const part of partsOf(source)) {
    const bytes = toBytes(part);
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      const piece = bytes.subarray(start, start + pieceBytes);
      decode(decoder, piece);
      yield piece;
      // A large file must not keep everybody else waiting.
      await setImmediate();
    }
  }
  decode(decoder);
}

async function* partsOf(source: CsvSource): AsyncGenerator<unknown, void, undefined> {
  if (typeof source === 'string' || source instanceof Uint8Array) yield source;
  else if (isAsyncIterable(source)) yield* source;
  else refuseSource('must be text, bytes or a stream of them');
}

function isAsyncIterable(source: unknown): source is AsyncIterable<unknown> {
  return typeof source === 'object' && source !== null && Symbol.asyncIterator in source;
}

function toBytes(part: unknown): Buffer {
  if (part instanceof Uint8Array) return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  if (typeof part !== 'string') return refuseSource('must be text, bytes or a stream of them');
  if (!part.isWellFormed()) return refuseSource('must not contain a lone surrogate');
  return Buffer.from(part);
}

function decode(decoder: TextDecoder, piece?: Buffer): void {
  try {
    decoder.decode(piece, { stream: piece !== undefined });
  } catch {
    refuseSource('must be UTF-8: decode it first, as in new TextDecoder("windows-1252").decode(bytes)');
  }
}
