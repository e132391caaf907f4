import { expectListeners } from '#platform/listeners';
import type {
  PeerTiles,
  StreamRequest,
  TransportDeps,
  VerifiedTile,
  VerifyTile,
  WireItem,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { throwIfAborted } from '../../../src/internal/abort.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import { PAGE_HEIGHTS } from '../../../src/tiles/name.js';
import type { KeptRest, KeptTiles } from './kept-tiles.js';
import { Plan } from './plan.js';
import { Requests } from './requests.js';
import { Room } from './room.js';
import { Slot } from './slot.js';
import { Sources } from './sources.js';
import { changedBelow } from './still-named.js';
import type { PlannedTile } from './tile-file.js';

/** Fewest and most requests at once. */
const MIN_REQUESTS = 4;
const MAX_REQUESTS = 8;
/** How often it looks whether a tile that is waited for takes too long, or a peer may be asked again. */
const TICK_MS = 50;

/** Bounds of a download. */
export interface DownloadOptions {
  readonly maxHeldBytes: number;
  readonly hedgeAfterMs: number;
}

/** What a download works with. */
export interface DownloadSetup {
  readonly deps: TransportDeps;
  readonly options: DownloadOptions;
  readonly request: StreamRequest;
  readonly verify: VerifyTile;
  /** What the asked peer has. */
  readonly tiles: PeerTiles;
  readonly kept: KeptTiles;
}

type Items = AsyncGenerator<readonly WireItem[], void, undefined>;

/** Fetches a request's tiles and delivers them in order. */
export async function* download(setup: DownloadSetup, signal: AbortSignal): Items {
  throwIfAborted(signal);
  const abort = new LinkedAbort(signal);
  // Each request listens to it.
  expectListeners(abort.signal);
  let run: Download | null = null;
  try {
    run = new Download(setup, abort.signal);
    yield* run.items();
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: setup.request.peer.url }) : error;
  } finally {
    abort.release();
    abort.abort(new SyncError('ABORTED', 'The tiles are not needed any more.'));
    await run?.close();
  }
}

class Download {
  readonly #setup: DownloadSetup;
  readonly #signal: AbortSignal;
  readonly #sources: Sources;
  readonly #plan: Plan;
  readonly #requests: Requests;
  readonly #kept: KeptRest;
  readonly #room: Room;
  readonly #changed = new WakeUp();
  readonly #running = new Set<Promise<void>>();
  readonly #slots: Slot[] = [];
  #most = MIN_REQUESTS;
  #failure: Error | null = null;
  #last: PlannedTile | null = null;

  constructor(setup: DownloadSetup, signal: AbortSignal) {
    const { deps, request, tiles, verify, options, kept } = setup;
    this.#setup = setup;
    this.#signal = signal;
    this.#sources = new Sources(request, tiles);
    const spawn = (work: Promise<void>): void => {
      this.#spawn(work);
    };
    const onChange = (): void => {
      this.#fill();
      this.#changed.notify();
    };
    const onFailure = (error: Error): void => {
      this.#failure ??= error;
    };
    const shared = { deps, sources: this.#sources, signal, spawn };
    const { hedgeAfterMs, maxHeldBytes } = options;
    this.#requests = new Requests({ ...shared, verify, hedgeAfterMs, onEnd: onChange, onFailure });
    this.#plan = new Plan({ ...shared, request, tiles, onChange });
    this.#kept = kept.take(request.from);
    this.#room = new Room(maxHeldBytes, this.#kept.bytes);
  }

  async *items(): Items {
    const { asked } = this.#sources;
    for (let slot = await this.#front(); slot !== null; slot = await this.#front()) {
      const { planned, state } = slot;
      if (state.at !== 'verified') throw new TypeError('A tile that is delivered is verified.');
      const { tile, peer, receivedBytes } = state.brought;
      this.#checkLink(planned, tile);
      this.#slots.shift();
      this.#sources.forget(planned.entry);
      this.#last = planned;
      this.#room.hand(slot.heldBytes);
      this.#fill();
      yield [{ kind: 'tile', tile, receivedBytes, ...(peer === asked.peer ? {} : { peer }) }];
      this.#room.taken();
    }
    if (asked.out !== null) throw asked.out;
    const { to: height, hash } = this.#last?.entry ?? { to: 0, hash: null };
    yield [{ kind: 'complete', head: this.#last === null ? null : { height, hash } }];
  }

  /** Ends all that is under way, and keeps what has come. The signal has to have fired. */
  async close(): Promise<void> {
    await Promise.all(this.#running);
    const left = this.#slots.flatMap(({ planned: { entry }, kept }) =>
      kept === null ? [] : [{ entry, kept }],
    );
    this.#setup.kept.put([...left, ...this.#kept.all]);
  }

  /** The next tile, verified; `null` behind the last one. What is verified in order is delivered before a failure is thrown. */
  async #front(): Promise<Slot | null> {
    this.#fill();
    const dueAt = performance.now();
    this.#adapt();
    for (;;) {
      const [front] = this.#slots;
      if (front === undefined ? this.#plan.isEnded : front.state.at === 'verified') return front ?? null;
      if (this.#failure !== null) throw this.#failure;
      if (front !== undefined) this.#requests.hedge(front, dueAt);
      await this.#wait();
      this.#fill();
    }
  }

  /** Where the reader comes before its tile does, more requests may help; where it does not, fewer will do. */
  #adapt(): void {
    const [front] = this.#slots;
    if (front === undefined || this.#last === null) return;
    const more = front.isHere ? -1 : 1;
    this.#most = Math.min(MAX_REQUESTS, Math.max(MIN_REQUESTS, this.#most + more));
  }

  async #wait(): Promise<void> {
    const timer = setTimeout(() => {
      this.#changed.notify();
    }, TICK_MS);
    try {
      await this.#changed.wait(this.#signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Begins as many requests as may be under way: first for what failed, then for what is next. */
  #fill(): void {
    if (this.#failure !== null || this.#signal.aborted) return;
    for (const slot of this.#slots) {
      if (slot.state.at !== 'due') continue;
      if (!this.#begin(slot)) return;
    }
    for (let planned = this.#plan.next; planned !== null; planned = this.#plan.next) {
      if (this.#isAhead) return;
      const slot = this.#nextSlot(planned);
      if (slot === null) return;
      this.#plan.shift();
      this.#slots.push(slot);
    }
  }

  /**
   * Whether it is the reader that is waited for, and not the network: then more tiles make nothing faster, and what waits in
   * memory for long is dear to collect.
   */
  get #isAhead(): boolean {
    const [front] = this.#slots;
    return front?.isHere === true && this.#slots.length >= this.#most;
  }

  #nextSlot(planned: PlannedTile): Slot | null {
    const { entry } = planned;
    const found = this.#kept.at(entry);
    const from = found === null ? null : this.#sources.of(found.peer);
    // The beginning of a body is of use only with the peer that has sent it.
    const kept = found === null || 'tile' in found || from !== null ? found : null;
    if (kept === null) this.#room.release(this.#kept.drop(entry));
    const slot = new Slot(planned, kept, from);
    if (slot.state.at === 'due' && !this.#beginNext(slot)) return null;
    // It is counted with its tile from now on.
    this.#room.release(this.#kept.drop(entry));
    this.#room.take(slot.heldBytes);
    return slot;
  }

  #beginNext(slot: Slot): boolean {
    // One tile there may always be: what is kept is for later.
    const isFirst = this.#slots.length === 0 && !this.#room.isHanded;
    return (isFirst || this.#room.has(slot.heldBytes)) && this.#begin(slot);
  }

  /** Nothing that is under way holds up the tile that the reader waits for. @returns whether a request was begun */
  #begin(slot: Slot): boolean {
    const requests = this.#slots.reduce((sum, { attempts }) => sum + attempts.length, 0);
    return (requests < this.#most || slot === this.#slots[0]) && this.#requests.begin(slot);
  }

  /** That a tile does not follow the one before proves that the index is wrong, whoever sent them: both are as it says. */
  #checkLink({ entry, isTail }: PlannedTile, { previousHash }: VerifiedTile): void {
    const before = this.#last?.entry;
    if (before === undefined || previousHash === before.hash) return;
    const height = entry.from;
    if (isTail || pageOf(entry.from) !== pageOf(before.from)) throw changedBelow(height);
    const message = `The index of tiles contradicts itself: block ${height} does not follow the tile before.`;
    throw new SyncError('PARENT_MISMATCH', message, { height });
  }

  #spawn(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => {
        this.#failure ??= error as Error;
        this.#changed.notify();
      })
      .finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }
}

function pageOf(height: number): number {
  return Math.floor(height / PAGE_HEIGHTS);
}
