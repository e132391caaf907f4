import { setMaxListeners } from 'node:events';
import type { Peer, SnapshotRequest, SnapshotTransportDeps } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { abortError, onAbort, throwIfAborted } from '../../../src/internal/abort.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import { freeMemory } from '../../../src/internal/free-memory.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import { decodePart } from './decode-part.js';
import { fetchParts } from './fetch-parts.js';
import type { KeptParts } from './kept-parts.js';
import type { PartRequest, PartSlot } from './part-slot.js';
import { PartWindow } from './part-window.js';
import type { SnapshotPlaces } from './places.js';
import { PeerPool, type PeerLease } from './peer-pool.js';
import { ProgressCount } from './progress.js';

/** Parts that are read from disk at once. */
const KEPT_READS = 2;
/** The part of the progress time after which parts that the reader waits for are asked for elsewhere as well. */
const STALLS = 6;

/** What may be under way. */
type Work = 'fetches' | 'reads' | 'decodes';

/** Dependencies of a download. */
export interface DownloadSetup {
  readonly deps: SnapshotTransportDeps;
  readonly request: SnapshotRequest;
  readonly kept: KeptParts | null;
  readonly places: SnapshotPlaces;
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
  readonly #changed = new WakeUp();
  /** Everything that ends a wait for a change is a change as well. */
  readonly #never = new AbortController().signal;
  readonly #tasks = new Set<Promise<void>>();
  readonly #active: Record<Work, number> = { fetches: 0, reads: 0, decodes: 0 };
  /** After so long the reader no longer waits for one peer alone. */
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(setup: DownloadSetup) {
    const { request, kept, backoffMs } = setup;
    this.#setup = setup;
    this.#stallMs = setup.deps.limits.progressTimeoutMs / STALLS;
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
    throwIfAborted(signal);
    const stopListening = onAbort(signal, () => {
      this.#fail(abortError(signal));
    });
    const ticker = setInterval(() => {
      this.#pump();
    }, this.#stallMs);
    try {
      for (let slot = this.#window.first; slot !== null; slot = this.#window.first) {
        yield await this.#decoded(slot);
        this.#window.shift();
      }
    } finally {
      clearInterval(ticker);
      stopListening();
      await this.#stop();
    }
  }

  async #decoded(slot: PartSlot): Promise<Uint8Array> {
    for (;;) {
      this.#pump();
      if (this.#failure !== null) throw this.#failure.error;
      if (slot.state.at === 'decoded') return slot.state.bytes;
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
      const slot = this.#window.nextVerified();
      if (slot === null) return;
      const encoded = slot.decode();
      this.#run('decodes', () => this.#decodeSlot(slot, encoded));
    }
  }

  #readKept(): void {
    const { kept } = this.#setup;
    while (kept !== null && this.#active.reads < KEPT_READS) {
      const slot = this.#window.nextKept();
      if (slot === null) return;
      slot.read();
      this.#run('reads', () => this.#readSlot(slot, kept));
    }
  }

  #fetch(): void {
    const { connections } = this.#setup;
    while (this.#active.fetches < connections) {
      const lease = this.#pool.next();
      if (lease === null) {
        this.#waitForPeers();
        return;
      }
      const slots = this.#window.nextRun(connections - this.#active.fetches, this.#active.fetches === 0);
      if (slots.length === 0) {
        lease.done();
        break;
      }
      this.#run('fetches', () => this.#fetchSlots(slots, lease, null));
    }
    this.#fetchStalled();
  }

  /** One request more than there may be otherwise: all those that are under way may be as slow. */
  #fetchStalled(): void {
    if (this.#active.fetches > this.#setup.connections) return;
    const stalled = this.#window.stalled(this.#stallMs);
    const lease = stalled === null ? null : this.#pool.next(stalled.peer);
    if (stalled === null || lease === null) return;
    const slots = this.#window.runOf(stalled);
    this.#run('fetches', () => this.#fetchSlots(slots, lease, stalled));
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

  async #decodeSlot(slot: PartSlot, encoded: Uint8Array): Promise<void> {
    const { deps, request } = this.#setup;
    const { signal } = this.#controller;
    const decoded = await decodePart(deps.workers, request.manifest, slot.part, encoded, signal);
    if (decoded.buffer !== encoded.buffer) freeMemory(encoded);
    slot.decoded(decoded);
  }

  async #readSlot(slot: PartSlot, kept: KeptParts): Promise<void> {
    const bytes = await kept.read(slot.part);
    if (bytes === null) slot.missing();
    else this.#arrived(slot, bytes, true);
  }

  /**
   * What a peer does wrong is its own failure; anything else ends the download.
   *
   * @param stalled - a request for the same parts, which is given up if this one is faster.
   */
  async #fetchSlots(
    slots: readonly PartSlot[],
    lease: PeerLease,
    stalled: PartRequest | null,
  ): Promise<void> {
    const { deps, request } = this.#setup;
    const { peer } = lease;
    const abort = new LinkedAbort(this.#controller.signal);
    const own: PartRequest = {
      peer,
      giveUp: () => {
        abort.abort(tooSlow(peer, this.#stallMs));
      },
    };
    for (const slot of slots) slot.fetch(own);
    const parts = slots.map(({ part }) => part);
    const wanted = { peer, manifest: request.manifest, parts };
    const run = fetchParts(deps, this.#setup.places, wanted, abort.signal);
    try {
      for (const slot of slots) {
        slot.dueNow(own);
        const bytes = await nextOf(run, lease, this.#controller.signal);
        if (bytes === null) return;
        if (await this.#keep(slot, bytes)) stalled?.giveUp();
      }
    } finally {
      await run.return();
      abort.release();
      for (const slot of slots) slot.giveBack(own);
      lease.done();
    }
  }

  /** Takes in a part that was fetched; `false` when another request had brought it before. */
  async #keep(slot: PartSlot, bytes: Uint8Array): Promise<boolean> {
    if (!slot.isOpen()) return false;
    await this.#setup.kept?.write(slot.part, bytes);
    if (!slot.isOpen()) return false;
    this.#arrived(slot, bytes, false);
    return true;
  }

  #arrived(slot: PartSlot, bytes: Uint8Array, fromDisk: boolean): void {
    slot.verified(bytes);
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

function tooSlow({ url }: Peer, ms: number): SyncError {
  return new SyncError('PEER_TIMEOUT', `${url} brought no part within ${ms} ms, another peer did.`);
}

/** The next part of a run; `null` when there is none or the peer failed, which the pool was told. */
async function nextOf(
  run: ReturnType<typeof fetchParts>,
  lease: PeerLease,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  try {
    const { value } = await run.next();
    if (value === undefined) return null;
    lease.worked();
    return value;
  } catch (error) {
    throwIfAborted(signal);
    if (!isSyncError(error)) throw error;
    lease.failed(error);
    return null;
  }
}
