import type { EndpointDeps, Frame } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { belowBase } from '../../../src/internal/ancestry.js';
import { bytesIn } from '../../../src/internal/expansion.js';
import { abortable } from '../../../src/internal/iterate.js';
import { FrameTurns } from '../../../src/internal/turns.js';
import type { ServedRange } from './range.js';

type Deps = Pick<EndpointDeps, 'source' | 'codecs' | 'limits'>;

/**
 * The blocks of a range in a codec, one after the other, each read when it is asked for. Those that are held in it go
 * out as they are. Never ends early: it yields all of them, linked to each other and up to the very block that the range ends
 * with, or throws.
 *
 * @param codec - `identity` for documents.
 * @throws SyncError `FORKED` when the chain was changed meanwhile, `BLOCK_TOO_LARGE`, `STORE_*`, `CODEC_*`, `ABORTED`
 */
export async function* blocksOf(
  { source, codecs, limits }: Deps,
  range: ServedRange,
  codec: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { from, last } = range;
  if (last === null) return;
  const links = new Links(range.parentHash, last);
  const turns = new FrameTurns(codec);
  let next = from;
  const batches = source.read({ from, to: last.height }, { signal });
  // Before the first batch too: the batches of many answers that begin at once would come in one turn.
  await turns.next();
  for await (const frames of abortable(batches, signal)) {
    for (const frame of frames) {
      if (frame.header.height !== next) throw missing(source, next, last.height);
      links.check(frame);
      checkSize(frame, limits.maxBlockBytes);
      next++;
      yield bytesIn(codecs, frame, codec);
      turns.count(frame);
      if (turns.isDue) await turns.next();
    }
    await turns.next();
  }
  if (next <= last.height) throw missing(source, next, last.height);
}

/** Sees that all blocks are of one branch. */
class Links {
  readonly #last: { readonly height: number; readonly hash: string };
  #previous: string | null;

  constructor(previous: string | null, last: { readonly height: number; readonly hash: string }) {
    this.#previous = previous;
    this.#last = last;
  }

  check({ header }: Frame): void {
    const linked = this.#previous === null || header.previousHash === this.#previous;
    const isLast = header.height !== this.#last.height || header.hash === this.#last.hash;
    if (!linked || !isLast) throw replaced(header.height);
    this.#previous = header.hash;
  }
}

function checkSize({ header: { height }, documentBytes }: Frame, maxBlockBytes: number): void {
  if (documentBytes <= maxBlockBytes) return;
  const message = `Block ${height} has ${documentBytes} bytes; the limit is ${maxBlockBytes}.`;
  throw new SyncError('BLOCK_TOO_LARGE', message, { height });
}

/** A source that ends early was cut back or cut off, or else it lost something. */
function missing(source: Deps['source'], height: number, to: number): SyncError {
  const { base, head } = source.tip();
  if (head === null || head.height < to) return replaced(height);
  if (height < base) return belowBase(height, base);
  return new SyncError('STORE_DAMAGED', `The source left out block ${height}.`, { height });
}

function replaced(height: number): SyncError {
  const message = `Block ${height} was replaced while the range was being sent.`;
  return new SyncError('FORKED', message, { height });
}
