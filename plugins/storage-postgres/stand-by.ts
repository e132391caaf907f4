import type { StorageRole, StorageRoles } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { sleep } from '../../src/internal/abort.js';
import type { Follower } from './follower.js';
import { leave, type OpenParts, type OpenStore, readFrom, write, type WriterSide } from './open-store.js';
import { leaseRest, type Moment } from './store-row.js';

/** Shortest and longest pause between two looks at the lease, in milliseconds. */
const LOOK_MS = { shortest: 50, longest: 500 };

/** A reader that can't show in this time what the store is does not become the writer, in milliseconds. */
const SHOW_MS = 30_000;

/** Lets the reader of a store become its writer when the lease is free, and be a reader again when it has lost it. */
export class StandBy implements StorageRoles {
  readonly #listeners = new Set<(role: StorageRole) => void>();
  #open: OpenStore | null = null;
  #parts: OpenParts | null = null;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #leaving: Promise<void> = Promise.resolve();
  #told = '';

  get now(): StorageRole {
    return this.#open?.side.role ?? 'reader';
  }

  watch(listener: (role: StorageRole) => void): () => void {
    const own = (role: StorageRole): void => {
      listener(role);
    };
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Looks from now on after a store that is open, in the role that it has. */
  begin(open: OpenStore, parts: OpenParts): void {
    this.#open = open;
    this.#parts = parts;
    this.#stop = new AbortController();
    // What ended before there was anybody to tell.
    if (open.side.role === 'writer' && open.side.writer.isOver) this.stepDown();
    this.#running = this.#run(open, parts, this.#stop.signal);
  }

  /** The role stays what it is from then on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#leaving;
  }

  /** The writer can't write any more: reads on, from what it has written. */
  stepDown(): void {
    const [open, parts] = [this.#open, this.#parts];
    if (open === null || parts === null || this.#stop.signal.aborted) return;
    const { side } = open;
    if (side.role === 'reader' || !side.writer.isOver) return;
    open.side = readFrom(open, parts, side.writer.moment);
    this.#leaving = leave(side);
    this.#tell('reader');
  }

  async #run(open: OpenStore, parts: OpenParts, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const restMs = open.side.role === 'writer' ? LOOK_MS.longest : await this.#look(open, parts, signal);
      const pauseMs = Math.min(Math.max(restMs, LOOK_MS.shortest), LOOK_MS.longest);
      await sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Takes the lease if it is free. @returns when to look again */
  async #look(open: OpenStore, parts: OpenParts, signal: AbortSignal): Promise<number> {
    const { database, tables } = open;
    try {
      const restMs = await database.reading((run) => leaseRest(run, tables, parts.settings.store));
      if (restMs > 0) return restMs;
      await this.#leaving;
      await this.#takeOver(open, await write(open, parts), signal);
    } catch (error) {
      this.#failed(error);
    }
    return LOOK_MS.longest;
  }

  /** Becomes the writer, once all shows that there was before. */
  async #takeOver(open: OpenStore, taken: WriterSide, signal: AbortSignal): Promise<void> {
    const { side } = open;
    if (side.role === 'writer') return;
    try {
      await shown(side.follower, taken.writer.moment, signal);
    } catch (error) {
      await leave(taken);
      throw error;
    }
    if (signal.aborted || taken.writer.isOver) {
      await leave(taken);
      return;
    }
    open.side = taken;
    this.#told = '';
    this.#tell('writer');
    await leave(side);
  }

  #tell(role: StorageRole): void {
    for (const listener of [...this.#listeners]) listener(role);
  }

  /** It is tried again; what is not another one's lease is said once. */
  #failed(error: unknown): void {
    const isExpected = isSyncError(error, 'STORE_LOCKED') || isSyncError(error, 'STORE_UNAVAILABLE');
    if (isExpected || this.#stop.signal.aborted || String(error) === this.#told) return;
    this.#told = String(error);
    process.emitWarning(`This process can't become the store's writer: ${this.#told}`, 'BlockferryNotice');
  }
}

/** Nobody else writes: what is there is what the new writer has found. */
async function shown(follower: Follower, at: Moment, signal: AbortSignal): Promise<void> {
  const end = performance.now() + SHOW_MS;
  for (;;) {
    await follower.refresh();
    const { epoch, version } = follower.moment;
    if (epoch === at.epoch && version === at.version) return;
    if (performance.now() > end) throw new Error(`the store at version ${at.version} does not show here`);
    await sleep(LOOK_MS.shortest, signal);
  }
}
