import type { BlockSource, SnapshotManifest } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { throwIfAborted } from '../../../src/internal/abort.js';
import { optional, readOptions, type SpecOf, text } from '../../../src/internal/options/index.js';
import { SNAPSHOT_TYPE } from '../../../src/internal/snapshot-types.js';
import {
  completeOrder,
  type CompleteOrder,
  type SnapshotBuildOptions,
  type SnapshotOrder,
  writeSnapshot,
} from './build.js';
import { diskError, discardBuild, makeBuildDirectory, publish, removeLeftovers } from './files.js';
import {
  CODEC_NAME,
  SNAPSHOT_OPTIONS,
  type SnapshotBuildProgress,
  type SnapshotEvent,
  type SnapshotSettings,
} from './options.js';
import type { SnapshotReader } from './reader.js';
import { Shelf } from './shelf.js';
import { archived, type ArchivedSnapshot } from './shelved.js';

/** Options of {@link openArchive}. */
export interface SnapshotArchiveOptions {
  /**
   * Generations of each chain, type and codec that are kept, at least 2.
   *
   * @defaultValue 2
   */
  readonly keep?: number;
  /**
   * Hears what happens to the archive's snapshots. Must not throw.
   *
   * @defaultValue nothing
   */
  readonly onEvent?: (event: SnapshotEvent) => void;
}

/** Narrows what {@link SnapshotArchive.list} gives. */
export type SnapshotFilter = Partial<
  Pick<ArchivedSnapshot['manifest'], 'chain' | 'chainId' | 'type' | 'codec'>
>;

/** Readers of the options of {@link openArchive}. */
export const ARCHIVE_OPTIONS = {
  keep: SNAPSHOT_OPTIONS.keep,
  onEvent: SNAPSHOT_OPTIONS.onEvent,
} satisfies SpecOf<SnapshotArchiveOptions>;

/** Readers of a filter. */
export const FILTER_OPTIONS = {
  chain: optional(text('the name of chain rules')),
  chainId: optional(text('the id of a chain')),
  type: optional(SNAPSHOT_TYPE),
  codec: optional(CODEC_NAME),
} satisfies SpecOf<{ [K in keyof SnapshotFilter]: SnapshotFilter[K] | null }>;

/**
 * Opens a directory of snapshots, which need not exist yet, and removes what a crash left half-made in it.
 *
 * @throws TypeError for an option that isn't one, and for one out of bounds
 */
export async function openArchive(
  directory: string,
  options: SnapshotArchiveOptions = {},
): Promise<SnapshotArchive> {
  SNAPSHOT_OPTIONS.directory.read(directory, { owner: 'openArchive', path: 'directory' });
  return archiveOf({ directory, ...readOptions('openArchive', options, ARCHIVE_OPTIONS) });
}

/** Opens the directory of settings that are checked. */
export async function archiveOf({
  directory,
  keep,
  onEvent,
}: Pick<SnapshotSettings, 'directory' | 'keep' | 'onEvent'>): Promise<SnapshotArchive> {
  await removeLeftovers(directory);
  const archive = new SnapshotArchive(directory, keep, onEvent);
  await archive.refresh();
  await archive.prune();
  return archive;
}

/** What a build is told to wait when the chain would not hold still. */
const RETRY_AFTER_MS = 10_000;

/** The snapshots in a directory: each whole, under its id, and several generations of each kind. */
export class SnapshotArchive {
  readonly directory: string;
  readonly #shelf: Shelf;
  readonly #keep: number;
  readonly #onEvent: (event: SnapshotEvent) => void;

  /** @internal Use {@link openArchive}. */
  constructor(directory: string, keep: number, onEvent: (event: SnapshotEvent) => void) {
    this.directory = directory;
    this.#keep = keep;
    this.#onEvent = onEvent;
    this.#shelf = new Shelf(directory, onEvent);
  }

  /** Bodies that are being read. */
  get readers(): number {
    return this.#shelf.readers;
  }

  /** Newest first. @throws TypeError for a member of the filter that isn't one, or can't be of a snapshot */
  list(filter: SnapshotFilter = {}): readonly ArchivedSnapshot[] {
    const wanted = Object.entries(readOptions('SnapshotArchive.list', filter, FILTER_OPTIONS)).filter(
      ([, value]) => value !== null,
    );
    return this.#shelf
      .kept()
      .filter(({ manifest }) =>
        wanted.every(([name, value]) => manifest[name as keyof SnapshotFilter] === value),
      )
      .sort((a, b) => b.document.sequence - a.document.sequence || b.manifest.height - a.manifest.height);
  }

  /** Looks for snapshots that another process has added or removed; costs next to nothing when there are none. */
  refresh(): Promise<void> {
    return this.#shelf.refresh();
  }

  /** A snapshot by its id, with the signatures that its manifest has now; `null` when it is not there. */
  find(id: string): Promise<ArchivedSnapshot | null> {
    return this.#shelf.find(id);
  }

  /** Opens a snapshot's body; its generation is not removed before the reader is closed. `null` when it is not there. */
  read(id: string): Promise<SnapshotReader | null> {
    return this.#shelf.read(id);
  }

  /**
   * Makes a snapshot of the source as it is now, and removes the generations that are too many then. A snapshot whose
   * last block was rolled back meanwhile is thrown away and made once again.
   *
   * @throws TypeError for an order that isn't complete, or has a member out of bounds
   * @throws SyncError `SNAPSHOT_UNAVAILABLE`, `SNAPSHOT_BUILDING` when the chain was rolled back twice, `STORE_*`,
   * `CODEC_*`, `ABORTED`
   */
  async build(order: SnapshotOrder, options: SnapshotBuildOptions = {}): Promise<ArchivedSnapshot> {
    return this.make(completeOrder('SnapshotArchive.build', order), options);
  }

  /** The same of an order that is checked. @internal */
  async make(order: CompleteOrder, options: SnapshotBuildOptions): Promise<ArchivedSnapshot> {
    const { type, codec } = order;
    const started = performance.now();
    const onProgress = (progress: SnapshotBuildProgress): void => {
      this.#onEvent({ kind: 'progress', ...progress });
      options.onProgress?.(progress);
    };
    this.#onEvent({ kind: 'started', type, codec });
    try {
      const snapshot = await this.#build(order, { ...options, onProgress });
      const elapsedMs = performance.now() - started;
      this.#onEvent({ kind: 'finished', manifest: snapshot.manifest, elapsedMs });
      await this.prune();
      return snapshot;
    } catch (failure) {
      const error = diskError(failure, 'The snapshot could not be written');
      this.#onEvent({ kind: 'failed', type, codec, error });
      throw error;
    }
  }

  /** Removes all generations but the newest ones; those that are being read follow when they were read. */
  async prune(): Promise<void> {
    const seen = new Map<string, number>();
    for (const { manifest } of this.list()) {
      const kind = JSON.stringify([manifest.chain, manifest.chainId, manifest.type, manifest.codec]);
      const count = (seen.get(kind) ?? 0) + 1;
      seen.set(kind, count);
      if (count > this.#keep) this.#shelf.remove(manifest.id);
    }
    await this.settled();
  }

  /** Resolves when the removals under way are done. */
  settled(): Promise<void> {
    return this.#shelf.settled();
  }

  async #build(order: CompleteOrder, options: SnapshotBuildOptions): Promise<ArchivedSnapshot> {
    const snapshot = (await this.#attempt(order, options)) ?? (await this.#attempt(order, options));
    if (snapshot !== null) return snapshot;
    const message = 'The chain was rolled back each time a snapshot of it was made.';
    throw new SyncError('SNAPSHOT_BUILDING', message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** @returns `null` when the snapshot's last block is no longer on the chain */
  async #attempt(order: CompleteOrder, options: SnapshotBuildOptions): Promise<ArchivedSnapshot | null> {
    await this.refresh();
    const sequence = 1 + Math.max(0, ...this.list().map(({ document }) => document.sequence));
    const path = await makeBuildDirectory(this.directory);
    try {
      const built = await writeSnapshot(order, { directory: path, sequence }, options);
      throwIfAborted(options.signal);
      if (!(await isOnChain(order.source, built.manifest))) return null;
      await publish(path, this.directory, built.manifest.id);
      return this.#shelf.add(archived(this.directory, built));
    } finally {
      await discardBuild(path);
    }
  }
}

/** Whether a snapshot's last block is still part of the chain. */
export async function isOnChain(
  source: Pick<BlockSource, 'header'>,
  { height, blockHash }: Pick<SnapshotManifest, 'height' | 'blockHash'>,
): Promise<boolean> {
  return (await source.header(height))?.hash === blockHash;
}
