import type {
  BlockRange,
  BlockRef,
  BlockSource,
  EndpointDeps,
  EndpointHandleOptions,
  Frame,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { onAbort } from '../../../src/internal/abort.js';
import { belowBase } from '../../../src/internal/ancestry.js';
import { abortable } from '../../../src/internal/iterate.js';
import { Changes } from './changes.js';
import {
  blockEventLength,
  BlockPacker,
  formatCompleteEvent,
  formatFailure,
  formatRollbackEvent,
} from './format.js';
import type { HeadChunks } from './heartbeats.js';
import type { Hub } from './hub.js';
import type { Cursor, RecentBlocks } from './recent-blocks.js';
import type { Plan } from './request.js';
import type { Transcoder } from './transcoder.js';

/** Followers of version 0.1.0 take no larger event once they were told `complete`; in the answer to a new request they do. */
const MAX_LIVE_EVENT_BYTES = 16 * 1024 * 1024;

/** How far the lives of streams may be from `maxStreamMs`. */
const LIFE_SPREAD = 0.1;

/** What a stream does next: send these bytes, or what has to be waited for. */
type Step = Uint8Array | 'read' | 'check' | 'report' | 'wait' | 'end';

/** A run that has sent everything there is. */
interface WaitingForChange {
  readonly goOn: (step: Step) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * The events of one stream. It keeps a cursor, and takes what follows it from the newest blocks, which all streams
 * share, or, further back, from a read of the source. Changes only wake it up, so that a slow client costs at the head
 * nothing but its cursor, and further back one batch of the source.
 *
 * Between looking whether a rollback was reported and handing out bytes nothing is ever waited for: what was read
 * before a rollback is void as long as it was not sent.
 *
 * At the head most changes are one block that all streams share. A run that waits there is not resumed for it: `take`
 * gives it to whoever pulls, and saves each client the turns that a generator takes.
 */
export class Feed implements HeadChunks {
  readonly #source: BlockSource;
  readonly #hub: Hub;
  readonly #plan: Plan;
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #onHeights: (from: number, to: number) => void;
  readonly #packer = new BlockPacker();
  readonly #changes: Changes;
  readonly #maxMs: number;
  readonly #expired: AbortSignal | undefined;
  #recent: RecentBlocks | null = null;
  #isAhead = false;
  #waiting: WaitingForChange | null = null;
  /** The newest block that was sent; the hash is `null` when the client did not name it. */
  #cursor: Cursor;
  #completed = false;
  #ended = false;
  /** Whether it has had its time, and ends once its client has everything. */
  #isOver = false;
  /** Whether the last read brought nothing though there should be blocks. */
  #leftOut = false;

  constructor(deps: EndpointDeps, hub: Hub, plan: Plan, options: EndpointHandleOptions) {
    this.#source = deps.source;
    this.#hub = hub;
    this.#plan = plan;
    this.#signal = options.signal;
    this.#expired = options.expired;
    this.#changes = new Changes(options.signal);
    this.#onError = options.onError ?? (() => undefined);
    this.#onHeights = options.onHeights ?? (() => undefined);
    // Those that began together, as after a restart, don't all come back together.
    this.#maxMs = deps.limits.maxStreamMs * (1 + (Math.random() - 0.5) * 2 * LIFE_SPREAD);
    this.#cursor = { height: plan.from - 1, hash: plan.parentOf === plan.from ? plan.parentHash : null };
  }

  async *run(onReady: () => void): AsyncGenerator<Uint8Array, void, undefined> {
    const member = this.#hub.join(this.#plan.codec, {
      change: (change) => {
        this.#changes.hear(change);
      },
      ready: onReady,
    });
    this.#recent = member.recent;
    const stopListening = onAbort(this.#signal, () => {
      this.#changes.wake();
      this.#resumeRun('end');
    });
    const hasHadItsTime = (): void => {
      this.#isOver = true;
      // One that catches up goes on until its client has everything: it is cut off when that takes nothing.
      if (!this.#completed) return;
      this.#ended = true;
      this.#resumeRun('end');
    };
    const lived = setTimeout(hasHadItsTime, this.#maxMs);
    const stopWatching = onAbort(this.#expired, hasHadItsTime);
    try {
      this.#isAhead = isPast(this.#plan.from, this.#source.tip().head);
      while (!this.#signal.aborted) {
        let step = this.#step();
        if (step === 'wait') step = await this.#atHead();
        if (typeof step !== 'string') yield step;
        else if (step === 'read') yield* this.#blocks(this.#stretch(member.recent), member.transcoder);
        else if (step === 'end') return;
        else if (step !== 'wait') await this.#pause(step);
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      if (!isSyncError(error, 'FORKED')) this.#onError(error);
      yield* this.#packer.rest();
      yield formatFailure(error);
    } finally {
      clearTimeout(lived);
      stopWatching();
      stopListening();
      member.leave();
    }
  }

  take(): Uint8Array | null {
    const waiting = this.#waiting;
    if (waiting === null || !this.#changes.isNew) return null;
    try {
      const step = this.#step();
      if (typeof step !== 'string') return step;
      // There may be more until a step finds nothing.
      if (step === 'wait') this.#changes.seen();
      else this.#resumeRun(step);
    } catch (error) {
      this.#waiting = null;
      waiting.fail(error);
    }
    return null;
  }

  /** Waits for what only the run itself can do. */
  #atHead(): Promise<Step> {
    this.#changes.seen();
    return new Promise((goOn, fail) => {
      this.#waiting = { goOn, fail };
    });
  }

  #resumeRun(step: Step): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.goOn(step);
  }

  async #pause(step: 'check' | 'report'): Promise<void> {
    if (step === 'check') await this.#checkKept();
    else await this.#rollbackReported();
  }

  #step(): Step {
    if (this.#ended) return 'end';
    const told = this.#tellRollback();
    if (told !== null) return told;
    const { head } = this.#source.tip();
    if (this.#isAhead) return this.#complete(head, true);
    const bytes = this.#takeRecent();
    if (bytes !== null) return bytes;
    if (head !== null && this.#cursor.height < Math.min(head.height, this.#plan.to)) return 'read';
    if (this.#isReplaced(head)) return 'report';
    return this.#complete(head, !this.#plan.follow || this.#cursor.height >= this.#plan.to);
  }

  #takeRecent(): Uint8Array | null {
    const events = this.#recent?.after(this.#cursor, this.#plan.to) ?? null;
    if (events === null) return null;
    this.#onHeights(this.#cursor.height + 1, events.last.height);
    this.#cursor = events.last;
    return events.bytes;
  }

  /** The client has everything: it is told once at the head and, when no more is to come, as the last thing. */
  #complete(head: BlockRef | null, isLast: boolean): Step {
    if (this.#completed && !isLast) return 'wait';
    this.#completed = true;
    this.#ended ||= isLast || this.#isOver;
    return formatCompleteEvent(head);
  }

  /** A rollback below the cursor: a following client is told, for any other what it was sent has to be looked at. */
  #tellRollback(): Uint8Array | 'check' | null {
    const to = this.#changes.takeRollback();
    const { height, hash } = this.#cursor;
    if (to === null || to.height >= height) return null;
    // A client that neither named a block nor was sent one has none that could be replaced.
    if (!this.#plan.follow) return hash === null ? null : 'check';
    this.#cursor = { height: to.height, hash: to.hash };
    return formatRollbackEvent(to);
  }

  /** What was sent may be of the new branch already. @throws SyncError `FORKED` when it is not. */
  async #checkKept(): Promise<void> {
    const { height, hash } = this.#cursor;
    const header = await this.#source.header(height);
    if (header?.hash !== hash) throw replaced(height);
  }

  /** Whether the source no longer has the block at the cursor. */
  #isReplaced(head: BlockRef | null): boolean {
    const { height, hash } = this.#cursor;
    if (hash === null || height > this.#plan.to) return false;
    if (head === null || head.height < height) return true;
    return head.height === height && head.hash !== hash;
  }

  /** @throws SyncError `FORKED` when no rollback is reported. */
  async #rollbackReported(): Promise<void> {
    if (!(await this.#changes.rollbackReported())) throw replaced(this.#cursor.height);
  }

  /** Blocks that are not among the newest, from the source. */
  async *#blocks(
    { from, to }: BlockRange,
    transcoder: Transcoder,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const signal = this.#signal;
    for await (const frames of abortable(this.#source.read({ from, to }, { signal }), signal)) {
      if (this.#changes.isRolledBack()) return;
      const count = this.#linked(frames);
      if (count === null) {
        await this.#rollbackReported();
        return;
      }
      yield* this.#send(frames.slice(0, count), transcoder);
      if (this.#ended || this.#changes.isRolledBack()) return;
      // What the read left out may be of a branch that is no longer there.
      if (count < frames.length) break;
    }
    await this.#checkProgress(from, to);
  }

  /** What is to be read next: up to where the newest blocks begin, which are there for all. */
  #stretch({ first }: RecentBlocks): BlockRange {
    const from = this.#cursor.height + 1;
    const limit = Math.min(this.#source.tip().head?.height ?? from, this.#plan.to);
    const to = first !== null && first > from ? Math.min(limit, first - 1) : limit;
    return { from, to };
  }

  /**
   * How many frames come one after the other from the cursor on; fewer than all when the source left one out, and
   * `null` when one belongs to another branch: the ones before it may then be void as well.
   */
  #linked(frames: readonly Frame[]): number | null {
    let { height, hash }: Cursor = this.#cursor;
    for (const [index, { header }] of frames.entries()) {
      if (header.height !== height + 1) return index;
      if (hash !== null && header.previousHash !== hash) return null;
      ({ height, hash } = header);
    }
    return frames.length;
  }

  /**
   * Sends frames until a rollback is reported, or one is too large for a follower, who gets it when it asks again. The
   * cursor stands at the last one of which anything was handed out.
   */
  async *#send(
    frames: readonly Frame[],
    transcoder: Transcoder,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (const frame of frames) {
      if (transcoder.isDue) {
        yield* this.#packer.rest();
        await transcoder.nextTurn();
        if (this.#changes.isRolledBack()) return;
      }
      const event = this.#event(frame, transcoder);
      this.#ended ||= event === null;
      if (event === null || this.#ended) break;
      this.#cursor = frame.header;
      this.#onHeights(frame.header.height, frame.header.height);
      yield* event;
      if (this.#changes.isRolledBack()) break;
    }
    yield* this.#packer.rest();
  }

  /** The pieces of a block's event; `null` for one that is too large for a follower. */
  #event(frame: Frame, transcoder: Transcoder): Iterable<Uint8Array> | null {
    const shared = transcoder.event(frame);
    if (shared !== null) return this.#packer.addEvent(shared);
    const block = transcoder.frame(frame);
    const isTooLarge = this.#completed && blockEventLength(block) > MAX_LIVE_EVENT_BYTES;
    return isTooLarge ? null : this.#packer.add(block);
  }

  /**
   * A read that brought nothing may have met a rollback that is reported only later, and so may the next one.
   *
   * @throws SyncError when blocks are missing twice in a row and no rollback is reported.
   */
  async #checkProgress(from: number, to: number): Promise<void> {
    const isFruitless = this.#cursor.height < from && (this.#source.tip().head?.height ?? -1) >= to;
    const isLeftOut = isFruitless && !(await this.#changes.rollbackReported());
    if (isLeftOut && this.#leftOut && !this.#signal.aborted) throw this.#missing(from);
    this.#leftOut = isLeftOut;
  }

  #missing(height: number): SyncError {
    const { base } = this.#source.tip();
    if (height < base) return belowBase(height, base);
    return new SyncError('STORE_DAMAGED', `The source left out block ${height}.`, { height });
  }
}

/** Whether a client is past all that it could be sent next. */
function isPast(from: number, head: BlockRef | null): boolean {
  return head !== null && from > head.height + 1;
}

function replaced(height: number): SyncError {
  const message = `Block ${height} was replaced while the stream was being sent.`;
  return new SyncError('FORKED', message, { height });
}
