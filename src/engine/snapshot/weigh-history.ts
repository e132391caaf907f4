import type { PeerWithStatus, SnapshotManifest } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import type { EngineParts, EngineSettings } from '../engine-parts.js';
import { tilesReach } from '../peer-tiles.js';
import type { PeerRecord } from '../peers/peer-record.js';

/** Verified history may take so much longer than a snapshot, in seconds. */
const MAX_MORE_SECONDS = 60;
/** Or, while no rate was measured, be so many times its bytes. */
const MAX_TIMES = 2;

/** What weighing works with. */
export interface WeighDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
}

/** What is compared. */
export interface Weights {
  /** Of the tiles. */
  readonly historyBytes: number;
  readonly snapshotBytes: number;
  /** As far as it was measured; `null` when it was not. */
  readonly bytesPerSecond: number | null;
}

/**
 * Why an empty node takes the whole history in tiles, which it verifies itself, although the peer has a snapshot.
 *
 * @returns `null` where the snapshot is so much faster that it is taken, or the bytes of either are not known
 */
export function whyHistory({ historyBytes, snapshotBytes, bytesPerSecond }: Weights): string | null {
  const moreBytes = Math.max(0, historyBytes - snapshotBytes);
  const moreSeconds = bytesPerSecond === null ? null : moreBytes / bytesPerSecond;
  const isNear = historyBytes <= MAX_TIMES * snapshotBytes;
  if (!isNear && (moreSeconds === null || moreSeconds > MAX_MORE_SECONDS)) return null;
  const sizes = `The whole history is ${mib(historyBytes)} in tiles, and the snapshot ${mib(snapshotBytes)}`;
  const time =
    bytesPerSecond === null || moreSeconds === null
      ? ''
      : `, which at ${mib(bytesPerSecond)} a second saves ${Math.round(moreSeconds)} s`;
  return `${sizes}${time}: history is verified here, and rests on nobody's signature.`;
}

/**
 * Looks whether history is to be taken in place of a snapshot. With a state it is not: the transition would have to run over
 * all of it.
 *
 * @returns why; `null` for the snapshot
 */
export async function weighHistory(
  { settings, parts }: WeighDeps,
  { peer, status, bytesPerSecond }: PeerRecord,
  signal: AbortSignal,
): Promise<string | null> {
  const reach = tilesReach(status, settings.base, settings.to);
  const transport = parts.transports.find(({ mode }) => mode === 'tiles');
  if (settings.stateTransition !== null || transport?.sizeOf === undefined) return null;
  if (status === null || reach === null || parts.snapshots === null) return null;
  const range = { from: settings.base, to: reach };
  try {
    const historyBytes = await transport.sizeOf({ peer, status }, range, {
      signal,
      acceptCodecs: parts.acceptCodecs,
    });
    const manifest = await manifestOf(parts.snapshots, settings, { peer, status }, signal);
    if (manifest === null) return null;
    return whyHistory({ historyBytes, snapshotBytes: manifest.size, bytesPerSecond: bytesPerSecond.value });
  } catch (error) {
    throwIfAborted(signal);
    if (!isSyncError(error)) throw error;
    // What is wrong with either shows when it is taken.
    return null;
  }
}

/** The manifest of a peer's snapshot, which is trusted in nothing here. */
function manifestOf(
  { transport, codecs }: NonNullable<EngineParts['snapshots']>,
  { snapshotType: type }: EngineSettings,
  { peer, status }: PeerWithStatus,
  signal: AbortSignal,
): Promise<SnapshotManifest | null> {
  return transport.manifest(peer, { type, codecs, offered: status.snapshots }, { signal });
}

function mib(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
