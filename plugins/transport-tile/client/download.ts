import { setMaxListeners } from 'node:events';
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
import { Attempt, type AttemptContext, type AttemptEnd } from './attempt.js';
import type { BroughtTile, KeptRest, KeptTiles } from './kept-tiles.js';
import { Pace } from './pace.js';
import { Plan } from './plan.js';
import { Slot } from './slot.js';
import type { Source } from './source.js';
import { Sources } from './sources.js';
import type { PlannedTile } from './tile-file.js';

/** Fewest and most requests at once. */
const MIN_REQUESTS = 4;
const MAX_REQUESTS = 8;
/** Requests that may be begun for one tile because those before take too long. The last ones end by the limits of time. */
const MAX_BEGUN = 6;
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
  setMaxListeners(0, abort.signal);
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
  readonly #pace: Pace;
  readonly #kept: KeptRest;
  readonly #context: AttemptContext;
  readonly #changed = new WakeUp();
  readonly #running = new Set<Promise<void>>();
  readonly #slots: Slot[] = [];
  #most = MIN_REQUESTS;
  /** Bytes of documents: on their way, verified, kept, and in the reader's hands. */
  #heldBytes: number;
  #handedBytes = 0;
  #failure: Error | null = null;
  #last: PlannedTile | null = null;

  constructor(setup: DownloadSetup, signal: AbortSignal) {
    const { deps, request, tiles, verify, options, kept } = setup;
    this.#setup = setup;
    this.#signal = signal;
    this.#sources = new Sources(request, tiles);
    this.#pace = new Pace(options.hedgeAfterMs);
    const spawn = (work: Promise<void>): void => {
      this.#spawn(work);
    };
    this.#context = { deps, verify, signal, spawn };
    const onChange = (): void => {
      this.#fill();
      this.#changed.notify();
    };
    this.#plan = new Plan({ deps, request, tiles, sources: this.#sources, signal, onChange, spawn });
    this.#kept = kept.take(request.from);
    this.#heldBytes = this.#kept.bytes;
  }

  async *items(): Items {
    const { asked } = this.#sources;
    for (let slot = await this.#front(); slot !== null; slot = await this.#front()) {
      const { planned, state } = slot;
      if (state.at !== 'verified') throw new TypeError('A tile that is delivered is verified.');
      const { tile, peer } = state.brought;
      this.#checkLink(planned, tile);
      this.#slots.shift();
      this.#sources.forget(planned.entry);
      this.#last = planned;
      this.#handedBytes = tile.documentBytes;
      this.#fill();
      yield [{ kind: 'tile', tile, ...(peer === asked.peer ? {} : { peer }) }];
      this.#heldBytes -= this.#handedBytes;
      this.#handedBytes = 0;
    }
    if (asked.out !== null) throw asked.out;
    const { to: height, hash } = this.#last?.entry ?? { to: 0, hash: null };
    yield [{ kind: 'complete', head: this.#last === null ? null : { height, hash } }];
  }

  /** Ends all that is under way, and keeps what is verified. The signal has to have fired. */
  async close(): Promise<void> {
    await Promise.all(this.#running);
    const verified = this.#slots.flatMap(({ state }) => (state.at === 'verified' ? [state.brought] : []));
    this.#setup.kept.put([...verified, ...this.#kept.all]);
  }

  /** The next tile, verified; `null` behind the last one. What is verified in order is delivered before a failure is thrown. */
  async #front(): Promise<Slot | null> {
    this.#fill();
    const dueAt = performance.now();
    let isThere = true;
    for (;;) {
      const [front] = this.#slots;
      if (front === undefined ? this.#plan.isEnded : front.state.at === 'verified') {
        this.#adapt(isThere);
        return front ?? null;
      }
      if (this.#failure !== null) throw this.#failure;
      isThere = false;
      if (front !== undefined) this.#hedge(front, dueAt);
      await this.#wait();
      this.#fill();
    }
  }

  /** While the reader waits more requests may help; while it does not, fewer will do. */
  #adapt(isThere: boolean): void {
    this.#most = isThere ? Math.max(MIN_REQUESTS, this.#most - 1) : Math.min(MAX_REQUESTS, this.#most + 1);
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
      if (!this.#beginBest(slot)) return;
    }
    for (let planned = this.#plan.next; planned !== null; planned = this.#plan.next) {
      const slot = this.#nextSlot(planned);
      if (slot === null) return;
      this.#plan.shift();
      this.#slots.push(slot);
    }
  }

  #nextSlot(planned: PlannedTile): Slot | null {
    const { entry } = planned;
    const kept = this.#takeKept(planned);
    if (kept !== null) return new Slot(planned, kept);
    const isNothingHeld = this.#slots.length === 0 && this.#handedBytes === 0;
    const isRoom = this.#heldBytes + entry.documentBytes <= this.#setup.options.maxHeldBytes;
    const slot = new Slot(planned, null);
    if (!(isNothingHeld || isRoom) || !this.#beginBest(slot)) return null;
    this.#heldBytes += entry.documentBytes;
    return slot;
  }

  #takeKept({ entry }: PlannedTile): BroughtTile | null {
    const before = this.#kept.bytes;
    const kept = this.#kept.take(entry);
    if (kept === null) this.#heldBytes -= before - this.#kept.bytes;
    return kept;
  }

  /** @returns whether a request was begun */
  #beginBest(slot: Slot): boolean {
    const { entry } = slot.planned;
    const requests = this.#slots.reduce((sum, { attempts }) => sum + attempts.length, 0);
    if (requests >= this.#most) return false;
    const source = this.#sources.next(entry);
    if (source !== null) this.#begin(slot, source);
    else this.#failure ??= this.#sources.whyNone(entry);
    return source !== null;
  }

  #begin(slot: Slot, source: Source): void {
    const attempt = new Attempt(this.#context, slot.planned, source, (ended, end) => {
      this.#onEnd(slot, ended, end);
    });
    slot.begin(attempt);
  }

  #onEnd(slot: Slot, attempt: Attempt, end: AttemptEnd): void {
    const { source } = attempt;
    if ('tile' in end) {
      source.worked(end.bytes, end.ms);
      this.#pace.measured(end.bytes, end.ms);
      for (const other of slot.verified(attempt, { tile: end.tile, peer: source.peer })) {
        if (other.source !== source && other.startedAt < attempt.startedAt) other.source.overtaken();
        other.cancel();
      }
    } else {
      slot.drop(attempt);
      this.#judge(attempt, end.error);
    }
    this.#fill();
    this.#changed.notify();
  }

  #judge({ source, startedAt }: Attempt, error: unknown): void {
    if (this.#signal.aborted) return;
    if (!isSyncError(error)) {
      this.#failure ??= error as Error;
      return;
    }
    // A peer that does not have what it says it has won't have it a moment later.
    const mayPass = error.info.retryable && error.code !== 'PEER_INCONSISTENT';
    if (mayPass && !source.stumbled(error, startedAt)) return;
    this.#sources.fail(source, error);
    if (source.asked && error.info.provesLie) this.#failure ??= source.out;
  }

  /** Has another peer bring a tile that takes too long, or the same one over another connection. */
  #hedge(slot: Slot, dueAt: number): void {
    const { attempts, planned } = slot;
    const newest = attempts.at(-1);
    if (newest === undefined || slot.begun >= MAX_BEGUN) return;
    const { startedAt, progressAt, source } = newest;
    const { bytes } = planned.entry;
    const since = source.isResting ? null : Math.max(dueAt, startedAt);
    if (!this.#pace.isTooLong({ startedAt, progressAt, dueAt: since, bytes })) return;
    const instead = this.#sources.instead(source, planned.entry);
    if (instead === null) return;
    const [oldest] = attempts;
    if (oldest !== undefined && oldest !== newest) {
      oldest.cancel();
      slot.drop(oldest);
    }
    this.#begin(slot, instead);
  }

  /** That a tile does not follow the one before proves that the index is wrong, whoever sent them: both are as it says. */
  #checkLink({ entry, isTail }: PlannedTile, { previousHash }: VerifiedTile): void {
    const before = this.#last?.entry;
    if (before === undefined || previousHash === before.hash) return;
    const height = entry.from;
    if (isTail || pageOf(entry.from) !== pageOf(before.from))
      throw new SyncError(
        'STREAM_TRUNCATED',
        `The peer's chain changed below block ${height} between two of its answers.`,
        {
          height,
        },
      );
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
