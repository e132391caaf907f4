import type { Peer, TransportDeps } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import { PAGE_HEIGHTS } from '../../../src/tiles/name.js';
import { readPage } from './page.js';
import { isSameTile, type PlannedTile } from './tile-file.js';

/**
 * Asks a peer that answers 404 for a tile whether it still names it: a rollback since then has taken it back, and a tail
 * is replaced by a longer one.
 *
 * @throws SyncError `STREAM_TRUNCATED` when it does not; what `readPage` and `fetchStatus` throw
 */
export async function checkStillNamed(
  deps: TransportDeps,
  peer: Peer,
  planned: PlannedTile,
  signal: AbortSignal,
): Promise<void> {
  const isNamed = planned.isTail ? isInStatus : isInIndex;
  if (!(await isNamed(deps, peer, planned, signal))) throw changedBelow(planned.entry.to + 1);
}

async function isInStatus(
  deps: TransportDeps,
  peer: Peer,
  { entry }: PlannedTile,
  signal: AbortSignal,
): Promise<boolean> {
  const tail = (await fetchStatus(deps, peer, signal))?.tiles?.tail ?? null;
  return tail !== null && isSameTile(tail, entry);
}

async function isInIndex(
  deps: TransportDeps,
  peer: Peer,
  { entry }: PlannedTile,
  signal: AbortSignal,
): Promise<boolean> {
  const first = Math.floor(entry.from / PAGE_HEIGHTS) * PAGE_HEIGHTS;
  let isNamed = false;
  const look = (line: PlannedTile['entry']): void => {
    isNamed ||= isSameTile(line, entry);
  };
  try {
    await readPage(deps, { peer, first, isFresh: true }, look, signal);
  } catch (error) {
    // The page went with its last tile.
    if (!isSyncError(error, 'PEER_INCONSISTENT')) throw error;
  }
  return isNamed;
}

/** Two answers that don't go together show the chain at two moments, which no peer is to be blamed for. */
export function changedBelow(height: number): SyncError {
  const message = `The peer's chain changed below block ${height} between two of its answers.`;
  return new SyncError('STREAM_TRUNCATED', message, { height });
}
