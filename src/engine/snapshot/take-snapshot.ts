import type { Peer } from '../../contracts/index.js';
import type { SyncError } from '../../errors/index.js';
import type { EngineParts, EngineSettings } from '../engine-parts.js';
import type { EventHub } from '../events/event-hub.js';
import { peerFailure } from '../peers/failures.js';
import type { PeerBook } from '../peers/peer-book.js';
import type { PeerRecord } from '../peers/peer-record.js';
import { SnapshotRun } from './snapshot-run.js';

/** What taking a snapshot on the way works with. */
export interface TakeSnapshotDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  readonly book: PeerBook;
}

/**
 * Takes a snapshot, if one can be had; what it doesn't bring, the blocks do.
 *
 * @throws SyncError when the node itself failed, or only a snapshot would have done.
 */
export async function takeSnapshot(
  { hub, parts, settings, book }: TakeSnapshotDeps,
  asked: PeerRecord,
  signal: AbortSignal,
): Promise<void> {
  if (parts.snapshots === null) return;
  hub.phase.importing();
  const onLiar = (liar: Peer, error: SyncError): void => {
    const record = book.find(liar.url);
    if (record !== null) book.drop(record, error);
  };
  const peers = (): readonly PeerRecord[] =>
    book.usable.toSorted((a, b) => Number(b === asked) - Number(a === asked));
  const snapshot = new SnapshotRun({ hub, parts, settings, peers, onLiar }, parts.snapshots);
  try {
    await snapshot.run(signal);
    hub.checkpoint(parts.storage.checkpoint());
  } catch (cause) {
    const error = peerFailure(cause, signal);
    // A node that is ahead of the snapshot needs none; without the mode being asked for, blocks do as well.
    if (settings.mode === 'snapshot' && error.code !== 'SNAPSHOT_STALE') throw error;
    hub.warn(error.code, error.message);
    await snapshot.forget();
    if (book.usable.length === 0) throw error;
  }
}
