import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AbortOptions } from '../../src/contracts/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { abortable } from '../../src/internal/iterate.js';
import { BodyDecoder, type BodyRules } from './body-decoder.js';
import type { Machines } from './machine.js';
import { STREAM_BYTES } from './gatherer.js';

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;
type Encode = (bytes: Uint8Array) => Uint8Array;

/**
 * After this many bytes of input and output, decoding gives the event loop a turn: the rest of one block at most lies
 * between two. Time is no measure for that, as a source in memory never lets the loop turn however slow it is.
 */
const TURN_BYTES = 256 * 1024;

/** Encodes a body of any length as full streams and a shorter one at the end: the same bytes as from one call. */
export async function* encodeStream(
  source: AsyncIterable<Uint8Array>,
  encode: Encode,
  options: AbortOptions,
): Chunks {
  const full = new Uint8Array(STREAM_BYTES);
  let filled = 0;
  let made = 0;
  for await (const chunk of abortable(source, options.signal)) {
    for (let at = 0; at < chunk.length;) {
      // Only when more follows: a body that ends here ends with this stream.
      if (filled === STREAM_BYTES) {
        yield encode(full);
        made++;
        filled = 0;
        await turn(options.signal);
      }
      const piece = chunk.subarray(at, at + STREAM_BYTES - filled);
      full.set(piece, filled);
      filled += piece.length;
      at += piece.length;
    }
  }
  if (filled > 0 || made === 0) yield encode(full.subarray(0, filled));
}

/** Decodes a body of any length as it comes. */
export async function* decodeStream(
  source: AsyncIterable<Uint8Array>,
  machines: Machines,
  rules: BodyRules,
  options: AbortOptions,
): Chunks {
  const machine = machines.take();
  const decoder = new BodyDecoder(machine, rules);
  const turns = new Turns(options.signal);
  try {
    for await (const chunk of abortable(source, options.signal)) {
      for (let at = 0; at < chunk.length; at += TURN_BYTES) {
        const piece = chunk.subarray(at, at + TURN_BYTES);
        yield* inTurns(decoder.write(piece), turns);
        // Streams without a byte in them are work too.
        await turns.worked(piece.length);
      }
    }
    yield* inTurns(decoder.finish(), turns);
  } finally {
    machines.give(machine);
  }
}

async function* inTurns(pieces: Iterable<Uint8Array>, turns: Turns): Chunks {
  for (const piece of pieces) {
    yield piece.slice();
    await turns.worked(piece.length);
  }
}

/** Gives the event loop its turns in the course of one body. */
class Turns {
  readonly #signal: AbortSignal | undefined;
  #bytes = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** To be awaited after each step of work. @throws SyncError `ABORTED` */
  async worked(bytes: number): Promise<void> {
    throwIfAborted(this.#signal);
    this.#bytes += bytes;
    if (this.#bytes < TURN_BYTES) return;
    this.#bytes = 0;
    await turn(this.#signal);
  }
}

async function turn(signal: AbortSignal | undefined): Promise<void> {
  await nextTurn();
  throwIfAborted(signal);
}
