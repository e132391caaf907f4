import type { Transform } from 'node:stream';
import type { AbortOptions, DecodeLimits } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { outputTooLarge } from '../../src/internal/expansion.js';
import { raceAbort } from '../../src/internal/abort.js';
import { abortable } from '../../src/internal/iterate.js';
import { LinkedAbort } from '../../src/internal/linked-abort.js';
import { corrupt, FrameOutline } from './frame.js';

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** Encodes a body of any length as one frame. */
export async function* encodeStream(
  source: AsyncIterable<Uint8Array>,
  encoder: Transform,
  options: AbortOptions,
): Chunks {
  yield* through(source, encoder, options);
}

/**
 * Decodes one frame of any length. A checksum stands at the end: what is yielded counts only once the iteration has
 * ended without an error.
 */
export async function* decodeStream(
  source: AsyncIterable<Uint8Array>,
  decoder: Transform,
  options: DecodeLimits & AbortOptions,
): Chunks {
  const { maxOutputBytes } = options;
  const total = { input: 0, output: 0 };
  try {
    for await (const output of through(outlined(source, total), decoder, options)) {
      total.output += output.length;
      if (total.output > maxOutputBytes) throw outputTooLarge('zstd', total.input, maxOutputBytes);
      yield output;
    }
  } catch (error) {
    throw isZstdError(error) ? corrupt('the compressed data is damaged', error) : error;
  }
}

/** Whether an error came from the library. */
function isZstdError(error: unknown): boolean {
  return error instanceof Error && /^(?:ZSTD|Z)_/.test((error as NodeJS.ErrnoException).code ?? '');
}

/** The same chunks, as long as they are one frame. */
async function* outlined(source: AsyncIterable<Uint8Array>, total: { input: number }): Chunks {
  const outline = new FrameOutline();
  for await (const chunk of source) {
    outline.take(chunk);
    total.input += chunk.length;
    yield chunk;
  }
  if (!outline.ended) throw corrupt('it is truncated');
}

/** What an engine makes of a source. On every way out the engine is freed and the source closed. */
async function* through(
  source: AsyncIterable<Uint8Array>,
  engine: Transform,
  { signal }: AbortOptions,
): Chunks {
  const stop = new LinkedAbort(signal);
  const fed = feed(source, engine, stop.signal);
  try {
    for await (const output of engine as AsyncIterable<Buffer>) yield output;
  } finally {
    stop.release();
    stop.abort();
    engine.destroy();
    await fed;
  }
}

/**
 * Writes a source to an engine as fast as the engine takes it. Never rejects: its errors are the engine's.
 *
 * Each write is over before the next, and before the end: an encoder of Node 22 whose `end` finds a write under way
 * ends the frame with that write and adds an empty frame.
 */
async function feed(
  source: AsyncIterable<Uint8Array>,
  engine: Transform,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of abortable(source, signal)) {
      await raceAbort(written(engine, chunk), signal);
    }
    engine.end();
  } catch (error) {
    engine.destroy(isSyncError(error) || !signal.aborted ? (error as Error) : undefined);
  }
}

function written(engine: Transform, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
