import type { SnapshotSummary, SnapshotType } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { raceAbort } from '../../../src/internal/abort.js';
import { Deferred } from '../../../src/internal/deferred.js';
import { archiveOf, isOnChain, type SnapshotArchive } from './archive.js';
import { type BuilderParts, keyOf, SnapshotBuilder } from './builder.js';
import type { SnapshotKind } from './options.js';
import type { Offer } from './request.js';
import type { ArchivedSnapshot } from './shelved.js';

/** What a client is told to wait for a build, in milliseconds. */
export const BUILD_RETRY_MS = 5_000;

/** Why there is no snapshot of a kind: the last build failed. */
interface Failure {
  readonly error: unknown;
  /** Whether somebody who asked was given it, and so the operator. */
  isTold: boolean;
}

/** The snapshots that a server has of its chain, and makes of it. */
export class SnapshotSupply {
  readonly #parts: BuilderParts;
  readonly #builder: SnapshotBuilder;
  readonly #unsubscribe: () => void;
  /** Ids of snapshots whose last block is not on the chain, as far as was seen. */
  readonly #offChain = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  /** Resolves when a build has ended, however it did. */
  #nextEnd = new Deferred<void>();
  #opening: Promise<SnapshotArchive> | null = null;
  #archive: SnapshotArchive | null = null;

  constructor(parts: BuilderParts) {
    this.#parts = parts;
    this.#builder = new SnapshotBuilder(parts);
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

  /** The newest snapshot of a kind whose last block is on the chain; `null` when there is none. */
  async current({ type, codec }: SnapshotKind): Promise<ArchivedSnapshot | null> {
    const archive = await this.archive();
    await archive.refresh();
    for (const snapshot of this.#ofThisChain(archive)) {
      const { manifest } = snapshot;
      if (manifest.type === type && manifest.codec === codec && (await this.#check(snapshot)))
        return snapshot;
    }
    return null;
  }

  /** Whether another process has made one of a block that does not show here yet. */
  async isAhead({ type, codec }: SnapshotKind): Promise<boolean> {
    const { source } = this.#parts;
    if ((source.lag?.() ?? null) === null) return false;
    const top = source.tip().head?.height ?? -1;
    const isAbove = ({ manifest }: ArchivedSnapshot): boolean =>
      manifest.type === type && manifest.codec === codec && manifest.height > top;
    return this.#ofThisChain(await this.archive()).some(isAbove);
  }

  /**
   * The same of a kind that is being made, or about to be.
   *
   * @throws SyncError `SNAPSHOT_UNAVAILABLE` when it can't be made; what its build threw, to the first who asks; and the
   * signal's reason
   */
  async made(kind: SnapshotKind, signal: AbortSignal): Promise<ArchivedSnapshot> {
    for (;;) {
      const { promise } = this.#nextEnd;
      const current = await this.current(kind);
      if (current !== null) return current;
      this.#refuseUnmakeable(kind);
      await raceAbort(promise, signal);
    }
  }

  /** Makes a snapshot. @throws SyncError `SNAPSHOT_*`, `STORE_FULL` and what else a build throws */
  async build(kind: SnapshotKind, signal: AbortSignal): Promise<void> {
    const key = keyOf(kind);
    this.#failures.delete(key);
    try {
      await this.#builder.build(await this.archive(), kind, signal);
    } catch (error) {
      if (!signal.aborted) this.#failures.set(key, { error, isTold: false });
      throw error;
    } finally {
      this.#nextEnd.resolve();
      this.#nextEnd = new Deferred();
    }
  }

  /** What there is, or is made: a type or codec that is in the archive is served like those that are listed. */
  offer(): Offer {
    const { settings, codecs } = this.#parts;
    const there = this.#archive === null ? [] : this.#ofThisChain(this.#archive);
    return {
      types: [...new Set([...settings.types, ...there.map(({ manifest }) => manifest.type)])],
      codecs: [...new Set([...codecs, ...there.map(({ manifest }) => manifest.codec)])],
    };
  }

  /** The newest snapshot of each type. */
  summaries(): readonly SnapshotSummary[] {
    const archive = this.#archive;
    if (archive === null) return [];
    const usable = this.#ofThisChain(archive).filter(({ manifest }) => !this.#offChain.has(manifest.id));
    const { types, codecs } = this.offer();
    return types.flatMap((type) => summary(usable, type, codecs));
  }

  /** Waits for what is under way; no build is. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#opening?.catch(() => undefined);
    await this.#archive?.settled();
  }

  async #open(): Promise<SnapshotArchive> {
    const archive = await archiveOf(this.#parts.settings);
    for (const snapshot of this.#ofThisChain(archive)) await this.#check(snapshot);
    this.#archive = archive;
    return archive;
  }

  #refuseUnmakeable(kind: SnapshotKind): void {
    const { source, settings, codecs } = this.#parts;
    const isListed = settings.types.includes(kind.type) && codecs.includes(kind.codec);
    if (!isListed) throw new SyncError('SNAPSHOT_UNAVAILABLE', 'No such snapshot is made here.');
    if (source.view === undefined || source.tip().head === null) {
      throw new SyncError('SNAPSHOT_UNAVAILABLE', 'There is no snapshot, and nothing to make one from.');
    }
    const failure = this.#failures.get(keyOf(kind));
    if (failure === undefined) return;
    const { error: cause, isTold } = failure;
    failure.isTold = true;
    if (!isTold) throw cause;
    throw new SyncError('SNAPSHOT_UNAVAILABLE', 'There is no snapshot; making one has failed.', { cause });
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
}

/** The highest one; of several, the one in the codec that comes first. */
function summary(
  usable: readonly ArchivedSnapshot[],
  type: SnapshotType,
  codecs: readonly string[],
): readonly SnapshotSummary[] {
  const served = usable
    .map(({ manifest }) => manifest)
    .filter((manifest) => manifest.type === type)
    .sort((a, b) => b.height - a.height || codecs.indexOf(a.codec) - codecs.indexOf(b.codec));
  return served.slice(0, 1).map(({ id, height, blockHash }) => ({ type, id, height, hash: blockHash }));
}

/** The answer to a client that has to come back for a snapshot. */
export function building(): SyncError {
  const options = { retryAfterMs: BUILD_RETRY_MS };
  return new SyncError('SNAPSHOT_BUILDING', 'The snapshot is being made.', options);
}
