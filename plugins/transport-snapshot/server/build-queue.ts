import { SyncError } from '../../../src/errors/index.js';
import { WriteQueue } from '../../../src/internal/write-queue.js';
import type { SnapshotKind } from './options.js';
import type { ArchivedSnapshot } from './shelved.js';

/** Builds that wait or run at once at most; each is of another type or codec. */
const MAX_BUILDS = 4;

/** What a client is told to wait for a build, in milliseconds. */
export const BUILD_RETRY_MS = 5_000;

/** Runs builds one after the other; all who ask for the same one while it waits or runs share it. */
export class BuildQueue {
  readonly #build: (kind: SnapshotKind, signal: AbortSignal) => Promise<ArchivedSnapshot>;
  readonly #builds = new Map<string, Promise<ArchivedSnapshot>>();
  readonly #queue = new WriteQueue();
  readonly #closing = new AbortController();

  constructor(build: (kind: SnapshotKind, signal: AbortSignal) => Promise<ArchivedSnapshot>) {
    this.#build = build;
  }

  /** @throws SyncError `SNAPSHOT_BUILDING` when there are too many others, and what the build throws */
  request(kind: SnapshotKind): Promise<ArchivedSnapshot> {
    const key = `${kind.type} ${kind.codec}`;
    const shared = this.#builds.get(key);
    if (shared !== undefined) return shared;
    if (this.#builds.size >= MAX_BUILDS) return Promise.reject(building('Other snapshots are made first.'));
    const build = this.#queue
      .run(() => this.#build(kind, this.#closing.signal))
      .finally(() => this.#builds.delete(key));
    build.catch(() => undefined);
    this.#builds.set(key, build);
    return build;
  }

  /** Calls the builds off and waits for them. */
  async close(): Promise<void> {
    this.#closing.abort(
      new SyncError('SERVER_BUSY', 'The server is closing.', { retryAfterMs: BUILD_RETRY_MS }),
    );
    await this.#queue.idle();
  }
}

/** The answer to a client that has to come back for a snapshot. */
export function building(message: string): SyncError {
  return new SyncError('SNAPSHOT_BUILDING', message, { retryAfterMs: BUILD_RETRY_MS });
}
