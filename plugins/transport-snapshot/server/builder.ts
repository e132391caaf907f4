import type { BlockSource, CodecWorkers } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import type { SnapshotArchive } from './archive.js';
import { diskError } from './files.js';
import type { SnapshotKind, SnapshotSettings } from './options.js';
import { roomIn } from './room.js';
import type { ArchivedSnapshot } from './shelved.js';

/** What builds are made from. */
export interface BuilderParts {
  readonly source: BlockSource;
  readonly workers: CodecWorkers;
  readonly settings: SnapshotSettings;
  /** Names of the codecs that snapshots are made in, at least one. */
  readonly codecs: readonly [string, ...string[]];
}

/** The name of a kind. */
export const keyOf = ({ type, codec }: SnapshotKind): string => `${type} ${codec}`;

/** Makes the server's snapshots, where there is room for them. */
export class SnapshotBuilder {
  readonly #parts: BuilderParts;
  /** Bytes that a kind is known to take at least, of those that did not fit. */
  readonly #needed = new Map<string, number>();
  /** Kinds that there was no room for when it was last tried. */
  readonly #skipped = new Set<string>();

  constructor(parts: BuilderParts) {
    this.#parts = parts;
  }

  /**
   * Makes a snapshot, unless there is no room for one as large as the last.
   *
   * @throws SyncError `STORE_FULL` when there is no room, and what {@link SnapshotArchive.build} throws
   */
  async build(archive: SnapshotArchive, kind: SnapshotKind, signal: AbortSignal): Promise<ArchivedSnapshot> {
    const { source, workers, settings } = this.#parts;
    const { signer, recentBlocks, maxPartBytes } = settings;
    const room = await this.#room(archive, kind);
    const full = new AbortController();
    const snapshot = await archive.make(
      { source, ...kind, workers, signer, recentBlocks, maxPartBytes },
      {
        signal: AbortSignal.any([signal, full.signal]),
        onProgress: ({ bytes }) => {
          if (bytes <= room || full.signal.aborted) return;
          this.#needed.set(keyOf(kind), bytes);
          full.abort(noRoom(room));
        },
      },
    );
    this.#needed.delete(keyOf(kind));
    return snapshot;
  }

  /** Bytes that the next one may take. @throws SyncError `STORE_FULL` */
  async #room(archive: SnapshotArchive, kind: SnapshotKind): Promise<number> {
    const { directory, maxBytes, onEvent } = this.#parts.settings;
    const kept = archive.list();
    const usedBytes = kept.reduce((sum, { manifest }) => sum + manifest.size, 0);
    const key = keyOf(kind);
    const last = kept.find(({ manifest }) => keyOf(manifest) === key)?.manifest.size ?? 1;
    const neededBytes = Math.max(last, this.#needed.get(key) ?? 0);
    const room = await roomIn(directory, { maxBytes, usedBytes }).catch((error: unknown) => {
      throw diskError(error, 'The room for snapshots could not be looked up');
    });
    if (room.bytes >= neededBytes) {
      this.#skipped.delete(key);
      return room.bytes;
    }
    // It is looked for again and again; who listens hears of it once.
    if (!this.#skipped.has(key)) {
      onEvent({ kind: 'skipped', ...kind, neededBytes, roomBytes: room.bytes, boundBy: room.boundBy });
    }
    this.#skipped.add(key);
    throw noRoom(room.bytes);
  }
}

function noRoom(bytes: number): SyncError {
  return new SyncError('STORE_FULL', `A snapshot may take ${bytes} bytes here, which is not enough.`);
}
