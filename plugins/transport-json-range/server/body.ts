import { FRAMES_TYPE } from '../frame-splitter.js';
import type { MediaType } from './negotiate.js';

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** Small documents are sent together in chunks of about this size. */
const CHUNK_BYTES = 64 * 1024;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const OPEN = ascii('[');
const COMMA = ascii(',');
const CLOSE = ascii(']');
const LINE_END = ascii('\n');

/** The body of a range. A source that fails makes it fail: no closing bracket is written. */
export function bodyOf(blocks: AsyncIterable<Uint8Array>, mediaType: MediaType | typeof FRAMES_TYPE): Chunks {
  if (mediaType === FRAMES_TYPE) return joined(asFrames(blocks));
  return joined(mediaType === 'application/json' ? asArray(blocks) : asLines(blocks));
}

async function* asFrames(frames: AsyncIterable<Uint8Array>): Chunks {
  for await (const frame of frames) {
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32BE(frame.length);
    yield head;
    yield frame;
  }
}

async function* asArray(documents: AsyncIterable<Uint8Array>): Chunks {
  let before = OPEN;
  for await (const document of documents) {
    yield before;
    yield document;
    before = COMMA;
  }
  if (before === OPEN) yield OPEN;
  yield CLOSE;
}

async function* asLines(documents: AsyncIterable<Uint8Array>): Chunks {
  for await (const document of documents) {
    yield document;
    yield LINE_END;
  }
}

async function* joined(pieces: AsyncIterable<Uint8Array>): Chunks {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    if (piece.length < CHUNK_BYTES) {
      held.push(piece);
      bytes += piece.length;
      if (bytes < CHUNK_BYTES) continue;
      yield Buffer.concat(held, bytes);
    } else {
      if (bytes > 0) yield Buffer.concat(held, bytes);
      yield piece;
    }
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held, bytes);
}
