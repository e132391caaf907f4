import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import { Attempt, type AttemptContext, type Piece } from './attempt.js';
import { type EncodedBlock, headerOf } from './placement.js';
import { isLagging } from './slowness.js';
import type { Sizer } from './sizer.js';
import type { Source } from './source.js';
import type { Sources } from './sources.js';

/** What all lanes of one download share. */
export interface LaneContext extends AttemptContext {
  readonly sources: Sources;
  readonly sizer: Sizer;
  /** How long a peer may bring nothing while another one could, in milliseconds. */
  readonly hedgeAfterMs: number;
  /** The block that was delivered last, and who sent it. */
  delivered: (EncodedBlock & { readonly source: Source }) | null;
  /** Drops what a peer sent that was not delivered yet. */
  readonly discard: (source: Source) => void;
}

/** The heights of a lane and the hash that the client has below them, where it has one. */
export interface LaneRange {
  readonly from: number;
  readonly to: number;
  readonly parentHash: string | null;
}

/** How often a lane whose turn it is looks whether its peer is too slow. */
const TICK_MS = 50;

/**
 * One range that is fetched while the ones before it are still being delivered. When its peer fails another one goes
 * on with it. When its peer is slow in its turn, another one is asked as well; the one that is farther ahead counts.
 */
export class Lane {
  readonly #context: LaneContext;
  readonly #range: LaneRange;
  readonly #changed = new WakeUp();
  /** One continues the other; only the last one may be under way. */
  #attempts: Attempt[] = [];
  #hedge: Attempt | null = null;
  #turnAt: number | null = null;
  /** Height of the next block to deliver. */
  #cursor: number;
  #failure: Error | null = null;
  /** The end of the last attempt that was drained. */
  #final: Attempt | null = null;

  constructor(context: LaneContext, range: LaneRange, source: Source) {
    this.#context = context;
    this.#range = range;
    this.#cursor = range.from;
    this.#attempts.push(this.#begin(source, range.from, range.parentHash, null));
  }

  /** Whether the peer has nothing behind what this lane brought: it was less than asked for, or a whole file. */
  get last(): boolean {
    return this.#final !== null && (this.#final.ignoresRange || this.#cursor <= this.#range.to);
  }

  /** It is this lane's turn to be delivered. */
  begin(): void {
    this.#turnAt ??= performance.now();
    for (const attempt of this.#attempts) attempt.begin();
  }

  /** The next piece; `null` after the last one. @throws SyncError when the range failed behind what was delivered */
  async take(): Promise<Piece | null> {
    for (;;) {
      const piece = this.#shift();
      if (piece !== null) return piece;
      if (this.#failure !== null) throw this.#failure;
      if (this.#final !== null) {
        this.#endHedge();
        return null;
      }
      this.#mayHedge();
      await this.#wait();
    }
  }

  /** Fetches what was not delivered yet again, from a height on, from another peer than the one that sent it. */
  refetch(from: number, except: Source): void {
    this.#reset(from);
    const source = this.#preferred(from, except);
    if (source === null) this.#failure ??= this.#nobody();
    else this.#attempts.push(this.#beginAt(source, from));
    this.#changed.notify();
  }

  /** A peer is on another branch: nothing of what it sent for this lane is of use. */
  discard(source: Source): void {
    if (this.#hedge?.source === source) this.#endHedge();
    if (this.#attempts.some((attempt) => attempt.source === source)) this.refetch(this.#cursor, source);
  }

  #preferred(from: number, except: Source): Source | null {
    const { sources } = this.#context;
    const { asked } = sources;
    if (asked !== except && asked.out === null) return asked;
    return sources.anyFor(from, this.#range.to, except);
  }

  #reset(from: number): void {
    this.#endHedge();
    for (const attempt of this.#attempts) attempt.cancel();
    this.#attempts = [];
    this.#final = null;
    this.#cursor = from;
  }

  #endHedge(): void {
    const hedge = this.#hedge;
    if (hedge === null) return;
    const isIdle = !hedge.ended && performance.now() - hedge.progressAt >= this.#context.hedgeAfterMs;
    if (isIdle && hedge.source.out === null) hedge.source.overtaken();
    hedge.cancel();
    this.#hedge = null;
  }

  #shift(): Piece | null {
    for (;;) {
      const [first] = this.#attempts;
      if (first === undefined) return null;
      const piece = first.shift();
      if (piece !== null) return this.#cut(piece);
      if (this.#attempts.length > 1) this.#attempts.shift();
      else if (!this.#overtaken(first)) {
        if (first.ended && first.failure === null) this.#final = first;
        return null;
      }
    }
  }

  /** Leaves out what another attempt has brought before. */
  #cut(piece: Piece): Piece {
    const blocks = piece.blocks.slice(Math.max(0, this.#cursor - piece.height));
    const height = Math.max(this.#cursor, piece.height);
    if (blocks.length > 0) this.#cursor = height + blocks.length;
    return { ...piece, blocks, height };
  }

  /** Lets the attempt that was begun later take over when it is farther ahead. */
  #overtaken(first: Attempt): boolean {
    const hedge = this.#hedge;
    if (hedge === null || (first.ended && first.failure === null)) return false;
    if (hedge.received <= this.#cursor) {
      // What lies below is of no use, and holding it would stop the reading.
      while (hedge.shift() !== null);
      return false;
    }
    if (!first.ended) first.source.overtaken();
    first.cancel();
    this.#attempts = [hedge];
    this.#hedge = null;
    return true;
  }

  async #wait(): Promise<void> {
    const timer = this.#context.sources.several
      ? setTimeout(() => {
          this.#changed.notify();
        }, TICK_MS)
      : undefined;
    try {
      await this.#changed.wait(this.#context.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #mayHedge(): void {
    const { sources, sizer, hedgeAfterMs } = this.#context;
    const attempt = this.#attempts.at(-1);
    if (!sources.several || this.#hedge !== null || attempt === undefined || attempt.ended) return;
    const { to } = this.#range;
    const other = sources.instead(attempt.source, this.#cursor, to);
    if (other === null) return;
    const missingBytes = sizer.bytesOf(to + 1 - this.#cursor);
    const since = Math.max(this.#turnAt ?? Infinity, attempt.progressAt);
    if (isLagging({ attempt, other, since, missingBytes, hedgeAfterMs }))
      this.#hedge = this.#beginAt(other, this.#cursor);
  }

  /** Goes on behind what was delivered. */
  #beginAt(source: Source, from: number): Attempt {
    const { delivered, describe } = this.#context;
    const header = delivered === null ? null : headerOf(delivered, describe);
    if (header === null || header.height !== from - 1) {
      return this.#begin(source, from, from === this.#range.from ? this.#range.parentHash : null, null);
    }
    return this.#begin(source, from, header.hash, delivered?.source ?? null);
  }

  #begin(source: Source, from: number, parentHash: string | null, basis: Source | null): Attempt {
    const setup = { source, from, to: this.#range.to, parentHash, basis };
    const attempt = new Attempt(this.#context, setup, (changed) => {
      this.#onChange(changed);
    });
    if (this.#turnAt !== null) attempt.begin();
    return attempt;
  }

  #onChange(attempt: Attempt): void {
    try {
      if (attempt.failure !== null) this.#failed(attempt, attempt.failure);
      else if (attempt.ended) attempt.source.worked();
    } catch (error) {
      this.#failure ??= error as Error;
    }
    this.#changed.notify();
  }

  #failed(attempt: Attempt, error: Error): void {
    if (attempt === this.#hedge) this.#hedge = null;
    if (this.#blamesBasis(attempt, error)) return;
    const { sources, signal } = this.#context;
    if (!isSyncError(error) || signal.aborted || (attempt.source.asked && isFinal(error))) {
      this.#failure ??= error;
      return;
    }
    sources.fail(attempt.source, error);
    if (isSyncError(error, 'FORKED')) this.#context.discard(attempt.source);
    if (this.#attempts.at(-1) === attempt) this.#goOn(attempt, error);
  }

  /** Another peer goes on where one has failed. */
  #goOn(failed: Attempt, error: Error): void {
    const { sources } = this.#context;
    const { to } = this.#range;
    const hedge = this.#hedge;
    this.#hedge = null;
    if (hedge !== null) {
      this.#attempts.push(hedge);
      return;
    }
    // Where all came and only the end was wrong, the last block stands for the whole.
    const from = Math.min(failed.received, to);
    const source = sources.anyFor(from, to);
    if (source === null) this.#failure ??= sources.several ? this.#nobody() : error;
    else this.#attempts.push(this.#begin(source, from, null, null));
  }

  #nobody(): Error {
    const { asked } = this.#context.sources;
    return asked.out ?? new SyncError('STREAM_TRUNCATED', 'No peer has the range that failed.');
  }

  /** The asked peer does not know the block below, which another peer sent: that one is on another branch. */
  #blamesBasis({ source, setup: { basis, from } }: Attempt, error: Error): boolean {
    const { sources, delivered } = this.#context;
    if (!source.asked || basis === null || basis.asked || !isSyncError(error, 'FORKED')) return false;
    sources.fail(basis, error);
    if (delivered?.source === basis) this.#failure ??= otherBranch(basis, from);
    return true;
  }
}

/** What the asked peer says of its chain, not of itself: the engine has to know it. */
function isFinal(error: SyncError): boolean {
  return error.code === 'FORKED' || error.code === 'BELOW_BASE';
}

/** Blocks of another branch were delivered: they can't be taken back, but the asked peer is not to be blamed. */
export function otherBranch({ peer }: Source, height: number): SyncError {
  const message = `The blocks below ${height} came from ${peer.url}, and are of another branch.`;
  return new SyncError('STREAM_TRUNCATED', message, { height, peer: peer.url });
}
