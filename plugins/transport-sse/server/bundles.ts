import type { BlockRange, BlockRef, EndpointDeps } from '../../../src/contracts/index.js';
import { raceAbort } from '../../../src/internal/abort.js';
import { Deferred } from '../../../src/internal/deferred.js';
import { BundleRun, type Bundle, type Taken } from './bundle-run.js';
import { ParkedRuns } from './parked-runs.js';

/** What a stream asks for: blocks from a height on. */
export interface Stretch extends BlockRange {
  /** The last block that the stream may be sent now: the head, or what its client asked for. Not below `to`. */
  readonly limit: number;
}

/** Streams that began at different heights meet where a multiple of this begins. */
const BUNDLE_HEIGHTS = 256;
/** What a bundle costs beside its bytes, about. */
const BUNDLE_COST_BYTES = 512;

/** The height that a bundle from a height on ends at, unless it is full before. */
export function bundleEnd(from: number): number {
  return from - (from % BUNDLE_HEIGHTS) + BUNDLE_HEIGHTS - 1;
}

/** A bundle that is being made. */
interface Making {
  readonly end: number;
  readonly run: BundleRun;
  readonly taken: Deferred<Taken>;
  waiters: number;
  /** Whether it is handed out, or was called off. */
  isOver: boolean;
}

/**
 * The bundles of one codec. Each is read and formatted once for all streams that want it at the same time, and kept
 * for those that come later until others need the room.
 */
export class Bundles {
  readonly #deps: EndpointDeps;
  readonly #codec: string;
  readonly #maxBytes: number;
  /** By the first height; the one that was used last is the last. */
  readonly #kept = new Map<number, Bundle>();
  readonly #making = new Map<string, Making>();
  readonly #parked = new ParkedRuns();
  #bytes = 0;

  /** @param maxBytes - bound on what is kept. */
  constructor(deps: EndpointDeps, codec: string, maxBytes: number) {
    this.#deps = deps;
    this.#codec = codec;
    this.#maxBytes = maxBytes;
  }

  /**
   * The bundle that begins where a stretch does. What is reported while it is waited for has to be looked at before any
   * of it is sent.
   *
   * @throws SyncError `ABORTED` when the signal fires, which does not concern others that wait; and what
   * {@link BundleRun.take} throws
   */
  async take(stretch: Stretch, signal: AbortSignal): Promise<Taken> {
    const kept = this.#find(stretch);
    if (kept !== null) return kept;
    const end = Math.min(stretch.to, bundleEnd(stretch.from));
    const key = `${stretch.from}-${end}`;
    const making = this.#making.get(key) ?? this.#make(key, stretch, end);
    making.waiters += 1;
    try {
      return await raceAbort(making.taken.promise, signal);
    } finally {
      making.waiters -= 1;
      if (making.waiters === 0) this.#callOff(key, making);
    }
  }

  /** Forgets what a rollback made void, and calls off reads that may have met it. */
  rollback(to: BlockRef): void {
    for (const bundle of this.#kept.values()) if (bundle.last.height > to.height) this.#drop(bundle);
    for (const [key, making] of this.#making) {
      if (making.end > to.height) this.#callOff(key, making);
      // What it has read beyond this bundle may be void.
      else if (making.run.to > to.height) making.run.retire();
    }
    this.#parked.rollback(to);
  }

  /** Lets go of everything; whoever waits gets nothing. */
  close(): void {
    for (const [key, making] of this.#making) this.#callOff(key, making);
    this.#parked.close();
    this.#kept.clear();
    this.#bytes = 0;
  }

  #find({ from, limit }: Stretch): Bundle | null {
    const bundle = this.#kept.get(from);
    if (bundle === undefined || bundle.last.height > limit) return null;
    this.#kept.delete(from);
    this.#kept.set(from, bundle);
    return bundle;
  }

  #make(key: string, stretch: Stretch, end: number): Making {
    const run = this.#parked.take(stretch.from, end) ?? this.#read(stretch);
    const making: Making = { end, run, taken: new Deferred(), waiters: 0, isOver: false };
    this.#making.set(key, making);
    // What ends at the head, or where its client wants no more, goes on elsewhere for others.
    const isCut = end < stretch.limit || end === bundleEnd(stretch.from);
    run.take(end).then(
      (taken) => {
        if (!this.#finish(key, making)) return;
        if (typeof taken === 'string') run.close();
        else {
          if (taken.isFull || (isCut && taken.last.height === end)) this.#keep(taken);
          this.#parked.add(run);
        }
        making.taken.resolve(taken);
      },
      (error: unknown) => {
        if (!this.#finish(key, making)) return;
        run.close();
        making.taken.reject(error);
      },
    );
    return making;
  }

  #read({ from, to }: Stretch): BundleRun {
    return new BundleRun(this.#deps, this.#codec, { from, to });
  }

  /** @returns whether it was not over before */
  #finish(key: string, making: Making): boolean {
    if (making.isOver) return false;
    making.isOver = true;
    this.#making.delete(key);
    return true;
  }

  #callOff(key: string, making: Making): void {
    if (!this.#finish(key, making)) return;
    making.run.close();
    making.taken.resolve('nothing');
  }

  #keep(bundle: Bundle): void {
    const before = this.#kept.get(bundle.from);
    if (before !== undefined) this.#drop(before);
    this.#kept.set(bundle.from, bundle);
    this.#bytes += bundle.bytes + BUNDLE_COST_BYTES;
    for (const oldest of this.#kept.values()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
  }

  #drop(bundle: Bundle): void {
    this.#kept.delete(bundle.from);
    this.#bytes -= bundle.bytes + BUNDLE_COST_BYTES;
  }
}
