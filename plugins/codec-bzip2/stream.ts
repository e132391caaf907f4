import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AbortOptions } from '../../src/contracts/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { abortable } from '../../src/internal/iterate.js';
import { BodyDecoder, type BodyRules } from './body-decoder.js';
import type { Machines } from './machine.js';
import { STREAM_BYTES } from './gatherer.js';

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;
type Encode = (bytes: Uint8Array) => Uint8Array;

/** After this long without one, decoding gives the event loop a turn. */
const TURN_MS = 8;

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
  try {
    for await (const chunk of abortable(source, options.signal)) {
      yield* inTurns(decoder.write(chunk), options.signal);
    }
    yield* inTurns(decoder.finish(), options.signal);
  } finally {
    machines.give(machine);
  }
}

async function* inTurns(pieces: Iterable<Uint8Array>, signal: AbortSignal | undefined): Chunks {
  let since = performance.now();
  for (const piece of pieces) {
    yield piece.slice();
    throwIfAborted(signal);
    if (performance.now() - since < TURN_MS) continue;
    await turn(signal);
    since = performance.now();
  }
}

async function turn(signal: AbortSignal | undefined): Promise<void> {
  await nextTurn();
  throwIfAborted(signal);
}
