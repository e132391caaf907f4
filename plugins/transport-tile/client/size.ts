import type { BlockRange, Peer, TransportDeps } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { bytesIn, codecFor } from '../../../src/tiles/entry.js';
import { PAGE_HEIGHTS } from '../../../src/tiles/name.js';
import { readPage } from './page.js';

/** Pages that an estimate rests on. */
const SAMPLES = 3;

/** What is asked of a peer's index. */
export interface SizeRequest {
  readonly peer: Peer;
  readonly range: BlockRange;
  /** Codecs that the client takes, best first. */
  readonly acceptCodecs: readonly string[];
}

/**
 * Bytes of a peer's tiles in a range, by its index; of more than three pages an estimate from three of them.
 *
 * @throws SyncError `PEER_*`, `STREAM_*`, `PROTOCOL_VIOLATION`, `ABORTED`
 */
export async function sizeOfTiles(
  deps: TransportDeps,
  { peer, range: { from, to }, acceptCodecs }: SizeRequest,
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0;
  let heights = 0;
  for (const first of samplesOf(from, to))
    await readPage(
      deps,
      { peer, first, isFresh: false },
      (entry) => {
        if (entry.to < from || entry.from > to) return;
        bytes += bytesIn(entry, codecFor(entry, acceptCodecs));
        heights += entry.to - entry.from + 1;
      },
      signal,
    );
  if (heights === 0) throw new SyncError('STREAM_TRUNCATED', `${peer.url} has no tiles where it says.`);
  return Math.round((bytes / heights) * (to - from + 1));
}

/** First heights of pages of a range: all, or the first, the last and the one in the middle. */
function samplesOf(from: number, to: number): readonly number[] {
  const first = Math.floor(from / PAGE_HEIGHTS);
  const last = Math.floor(to / PAGE_HEIGHTS);
  const count = Math.min(SAMPLES, last - first + 1);
  const step = count === 1 ? 0 : (last - first) / (count - 1);
  return Array.from({ length: count }, (_each, at) => Math.floor(first + at * step) * PAGE_HEIGHTS);
}
