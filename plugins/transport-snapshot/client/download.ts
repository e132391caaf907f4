import { setMaxListeners } from 'node:events';
import type { SnapshotRequest, SnapshotTransportDeps } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { abortError, throwIfAborted } from '../../../src/internal/abort.js';
import { Signal } from '../../../src/internal/signal.js';
import { decodePart } from './decode-part.js';
import { fetchRun } from './fetch-run.js';
import type { KeptParts } from './kept-parts.js';
import { PartWindow, type Slot } from './part-window.js';
import { PeerPool, type Turn } from './peer-pool.js';
import { ProgressCount } from './progress.js';

/** Parts that are read from disk at once. */
const KEPT_READS = 2;

/** What may be under way. */
type Work = 'fetches' | 'reads' | 'decodes';

/** What a download works with. */
export interface DownloadSetup {
  readonly deps: SnapshotTransportDeps;
  readonly request: SnapshotRequest;
  readonly kept: KeptParts | null;
  /** Requests under way at once. */
  readonly connections: number;
  /** As {@link PeerPool} takes it. */
  readonly backoffMs: number;
}

/**
 * Brings the parts of a snapshot, in order and decoded: from the disk those that are there, from the peers the others,
 * several at once and no further ahead than {@link PartWindow} allows.
 */
export class Download {
  readonly #setup: DownloadSetup;
  readonly #window: PartWindow;
  readonly #pool: PeerPool;
  readonly #progress: ProgressCount;
  readonly #controller = new AbortController();
  readonly #changed = new Signal();
  /** Everything that ends a wait for a change is a change as well. */
  readonly #never = new AbortController().signal;
  readonly #tasks = new Set<Promise<void>>();
  readonly #active: Record<Work, number> = { fetches: 0, reads: 0, decodes: 0 };
  #timer: NodeJS.Timeout | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(setup: DownloadSetup) {
    const { request, kept, backoffMs } = setup;
    this.#setup = setup;
    // Each request and each piece of work listens to it.
    setMaxListeners(0, this.#controller.signal);
    this.#window = new PartWindow(request.manifest.parts, (part) => kept?.mayHave(part) ?? false);
    this.#pool = new PeerPool(request.peers, backoffMs, (peer, error) => {
      request.onPeerFailure(peer, error);
    });
    this.#progress = new ProgressCount(request);
  }

  /**
   * The decoded parts in order. May be called once.
   *
   * @throws SyncError `SNAPSHOT_CORRUPT`, `SNAPSHOT_GONE`, `PEER_*`, `CODEC_UNAVAILABLE`, `STORE_*`, `ABORTED`
   */
  async *parts(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const onAbort = (): void => {
      this.#fail(abortError(signal));
    };
    throwIfAborted(signal);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (let slot = this.#window.first; slot !== null; slot = this.#window.first) {
        yield await this.#decoded(slot);
        this.#window.shift();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      await this.#stop();
    }
  }

  async #decoded(slot: Slot): Promise<Uint8Array> {
    for (;;) {
      this.#pump();
      if (this.#failure !== null) throw this.#failure.error;
      if (slot.stage === 'decoded' && slot.bytes !== null) return slot.bytes;
      await this.#changed.wait(this.#never);
    }
  }

  /** Begins whatever can be begun now. */
  #pump(): void {
    if (this.#controller.signal.aborted) return;
    this.#decode();
    this.#readKept();
    this.#fetch();
  }

  #decode(): void {
    const { workers } = this.#setup.deps;
    while (this.#active.decodes <= workers.threads) {
      const slot = this.#window.takeEncoded();
      if (slot === null) return;
      this.#run('decodes', () => this.#decodeSlot(slot));
    }
  }

  #readKept(): void {
    const { kept } = this.#setup;
    while (kept !== null && this.#active.reads < KEPT_READS) {
      const slot = this.#window.takeKept();
      if (slot === null) return;
      this.#run('reads', () => this.#readSlot(slot, kept));
    }
  }

  #fetch(): void {
    for (;;) {
      const idle = this.#setup.connections - this.#active.fetches;
      if (idle <= 0) return;
      const turn = this.#pool.next();
      if (turn === null) {
        this.#waitForPeers();
        return;
      }
      const slots = this.#window.takeRun(idle, this.#active.fetches === 0);
      if (slots.length === 0) {
        turn.done();
        return;
      }
      this.#run('fetches', () => this.#fetchSlots(slots, turn));
    }
  }

  /** No peer can be asked now: later, or none ever again. */
  #waitForPeers(): void {
    const ms = this.#pool.waitMs();
    if (ms !== null) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#pump();
      }, ms);
    } else if (this.#active.fetches === 0 && this.#window.isWaiting()) this.#fail(this.#pool.verdict());
  }

  #run(kind: Work, work: () => Promise<void>): void {
    this.#active[kind]++;
    const task = work()
      .catch((error: unknown) => {
        this.#fail(error);
      })
      .finally(() => {
        this.#active[kind]--;
        this.#tasks.delete(task);
        this.#changed.notify();
        this.#pump();
      });
    this.#tasks.add(task);
  }

  async #decodeSlot(slot: Slot): Promise<void> {
    const { deps, request } = this.#setup;
    if (slot.bytes === null) return;
    slot.bytes = await decodePart(deps.workers, request.manifest, slot, this.#controller.signal);
    slot.stage = 'decoded';
  }

  async #readSlot(slot: Slot, kept: KeptParts): Promise<void> {
    const bytes = await kept.read(slot.part);
    if (bytes === null) slot.stage = 'due';
    else this.#arrived(slot, bytes, true);
  }

  /** What a peer does wrong is its own failure; anything else ends the download. */
  async #fetchSlots(slots: readonly Slot[], turn: Turn): Promise<void> {
    const { deps, request, kept } = this.#setup;
    const { signal } = this.#controller;
    const parts = slots.map(({ part }) => part);
    const run = fetchRun(deps, { peer: turn.peer, manifest: request.manifest, parts }, signal);
    try {
      for (const slot of slots) {
        const bytes = await nextOf(run, turn, signal);
        if (bytes === null) return;
        await kept?.write(slot.part, bytes);
        this.#arrived(slot, bytes, false);
      }
    } finally {
      await run.return();
      for (const slot of slots) if (slot.stage === 'coming') slot.stage = 'due';
      turn.done();
    }
  }

  #arrived(slot: Slot, bytes: Uint8Array, fromDisk: boolean): void {
    slot.bytes = bytes;
    slot.stage = 'encoded';
    this.#progress.add(slot.part, fromDisk);
    this.#pump();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#controller.abort(error);
    this.#changed.notify();
  }

  async #stop(): Promise<void> {
    this.#controller.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all(this.#tasks);
  }
}

/** The next part of a run; `null` when there is none or the peer failed, which the pool was told. */
async function nextOf(
  run: ReturnType<typeof fetchRun>,
  turn: Turn,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  try {
    const { value } = await run.next();
    if (value === undefined) return null;
    turn.worked();
    return value;
  } catch (error) {
    throwIfAborted(signal);
    if (!isSyncError(error)) throw error;
    turn.failed(error);
    return null;
  }
}
