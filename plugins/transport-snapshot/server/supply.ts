import type {
  BlockSource,
  CodecWorkers,
  SnapshotSummary,
  SnapshotType,
} from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { archiveOf, isOnChain, type SnapshotArchive } from './archive.js';
import { BuildQueue } from './build-queue.js';
import type { SnapshotKind, SnapshotSettings } from './options.js';
import type { ArchivedSnapshot } from './shelved.js';

/** What a supply is made from. */
export interface SupplyParts {
  readonly source: BlockSource;
  readonly workers: CodecWorkers;
  readonly settings: SnapshotSettings;
}

/** The snapshots that a server has of its chain, and those that it makes when there are none. */
export class SnapshotSupply {
  readonly #parts: SupplyParts;
  readonly #builds: BuildQueue;
  readonly #unsubscribe: () => void;
  /** Ids of snapshots whose last block is not on the chain, as far as was seen. */
  readonly #offChain = new Set<string>();
  #opening: Promise<SnapshotArchive> | null = null;
  #archive: SnapshotArchive | null = null;

  constructor(parts: SupplyParts) {
    this.#parts = parts;
    this.#builds = new BuildQueue((kind, signal) => this.#build(kind, signal));
    this.#unsubscribe = parts.source.subscribe((change) => {
      if (change.kind === 'rollback') this.#rolledBack(change.to.height);
    });
  }

  /** The archive; opening it is tried again after a failure. */
  async archive(): Promise<SnapshotArchive> {
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }

  /**
   * The newest snapshot of a kind whose last block is on the chain; `null` when there is none. One that has grown old is
   * given, and made anew meanwhile.
   */
  async current(kind: SnapshotKind): Promise<ArchivedSnapshot | null> {
    const snapshot = await this.#newest(kind);
    if (snapshot !== null && this.#isOld(snapshot)) this.build(kind).catch(() => undefined);
    return snapshot;
  }

  async #newest({ type, codec }: SnapshotKind): Promise<ArchivedSnapshot | null> {
    const archive = await this.archive();
    await archive.refresh();
    for (const snapshot of this.#ofThisChain(archive)) {
      const { manifest } = snapshot;
      if (manifest.type === type && manifest.codec === codec && (await this.#check(snapshot)))
        return snapshot;
    }
    return null;
  }

  /** Makes a snapshot, or joins those who wait for the same one. @throws SyncError `SNAPSHOT_*` and what a build throws */
  build(kind: SnapshotKind): Promise<ArchivedSnapshot> {
    const { source } = this.#parts;
    if (source.view === undefined || source.tip().head === null) {
      const message = 'There is no snapshot, and nothing to make one from.';
      return Promise.reject(new SyncError('SNAPSHOT_UNAVAILABLE', message));
    }
    return this.#builds.request(kind);
  }

  /** The newest snapshot of each type. */
  summaries(): readonly SnapshotSummary[] {
    const archive = this.#archive;
    if (archive === null) return [];
    const { types } = this.#parts.settings;
    const usable = this.#ofThisChain(archive).filter(({ manifest }) => !this.#offChain.has(manifest.id));
    return types.flatMap((type) => this.#summary(usable, type));
  }

  /** Calls builds off and waits for what is under way. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#builds.close();
    await this.#opening?.catch(() => undefined);
    await this.#archive?.settled();
  }

  async #open(): Promise<SnapshotArchive> {
    const archive = await archiveOf(this.#parts.settings);
    for (const snapshot of this.#ofThisChain(archive)) await this.#check(snapshot);
    this.#archive = archive;
    return archive;
  }

  async #build({ type, codec }: SnapshotKind, signal: AbortSignal): Promise<ArchivedSnapshot> {
    const { source, workers, settings } = this.#parts;
    const { signer, recentBlocks, maxPartBytes } = settings;
    const archive = await this.archive();
    return archive.make({ source, type, codec, workers, signer, recentBlocks, maxPartBytes }, { signal });
  }

  /** Clients refuse a snapshot of long ago, which may be replayed to keep a node in the past. */
  #isOld({ manifest }: ArchivedSnapshot): boolean {
    const { settings, source } = this.#parts;
    const { refreshAfterMs } = settings;
    if (refreshAfterMs === null || source.view === undefined) return false;
    return (
      Date.now() - manifest.timestamp > refreshAfterMs && (source.tip().head?.height ?? -1) > manifest.height
    );
  }

  #ofThisChain(archive: SnapshotArchive): readonly ArchivedSnapshot[] {
    const { source } = this.#parts;
    const chainId = source.chainId();
    return chainId === null ? [] : archive.list({ chain: source.chain, chainId });
  }

  async #check({ manifest }: ArchivedSnapshot): Promise<boolean> {
    const onChain = await isOnChain(this.#parts.source, manifest);
    if (onChain) this.#offChain.delete(manifest.id);
    else this.#offChain.add(manifest.id);
    return onChain;
  }

  #rolledBack(height: number): void {
    for (const { manifest } of this.#archive?.list() ?? [])
      if (manifest.height > height) this.#offChain.add(manifest.id);
  }

  /** The highest one; of several, the one in the codec that comes first. */
  #summary(usable: readonly ArchivedSnapshot[], type: SnapshotType): readonly SnapshotSummary[] {
    const { codecs } = this.#parts.settings;
    const served = usable
      .map(({ manifest }) => manifest)
      .filter((manifest) => manifest.type === type && codecs.includes(manifest.codec))
      .sort((a, b) => b.height - a.height || codecs.indexOf(a.codec) - codecs.indexOf(b.codec));
    return served.slice(0, 1).map(({ id, height, blockHash }) => ({ type, id, height, hash: blockHash }));
  }
}
