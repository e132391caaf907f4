import type {
  BlockRef,
  BlockSource,
  ChainChange,
  EndpointDeps,
  EndpointHandleOptions,
  Frame,
} from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { belowBase } from '../../src/internal/ancestry.js';
import { abortable } from '../../src/internal/iterate.js';
import { Signal } from '../../src/internal/signal.js';
import { BlockPacker, formatCompleteEvent, formatFailure, formatRollbackEvent } from './format.js';
import type { Plan } from './request.js';

import { Transcoder } from './transcoder.js';

/** The newest block that a stream has sent; the hash is `null` when the client did not name it. */
interface Cursor {
  readonly height: number;
  readonly hash: string | null;
}

/** A rollback that was seen in the blocks is reported to the listener within this time. */
const REPORT_WAIT_MS = 1_000;

/**
 * The events of one stream. It keeps a cursor and reads what follows it from the source; changes of the source only
 * wake it up, so that a slow client costs nothing but its cursor.
 */
export class Feed {
  readonly #source: BlockSource;
  readonly #plan: Plan;
  readonly #signal: AbortSignal;
  readonly #onError: (error: unknown) => void;
  readonly #transcoder: Transcoder;
  readonly #packer = new BlockPacker();
  readonly #wake = new Signal();
  #cursor: Cursor;
  /** The lowest block that was rolled back to since the client was last told. */
  #rollback: BlockRef | null = null;
  #completed = false;

  constructor(deps: EndpointDeps, plan: Plan, options: EndpointHandleOptions) {
    this.#source = deps.source;
    this.#plan = plan;
    this.#signal = options.signal;
    this.#onError = options.onError ?? (() => undefined);
    this.#transcoder = new Transcoder(deps.codecs, deps.limits, plan.codec);
    this.#cursor = { height: plan.from - 1, hash: plan.parentOf === plan.from ? plan.parentHash : null };
  }

  async *run(): AsyncGenerator<Uint8Array, void, undefined> {
    const unsubscribe = this.#source.subscribe((change) => {
      this.#changed(change);
    });
    try {
      yield* this.#events();
    } catch (error) {
      if (this.#signal.aborted) return;
      if (!isSyncError(error, 'FORKED')) this.#onError(error);
      yield* this.#packer.rest();
      yield formatFailure(error);
    } finally {
      unsubscribe();
    }
  }

  #changed(change: ChainChange): void {
    if (change.kind === 'rollback' && change.to.height < (this.#rollback?.height ?? Infinity)) {
      this.#rollback = change.to;
    }
    this.#wake.notify();
  }

  async *#events(): AsyncGenerator<Uint8Array, void, undefined> {
    const ahead = isAhead(this.#plan.from, this.#source.tip().head);
    while (!this.#signal.aborted) {
      yield* this.#tellRollback();
      const { head } = this.#source.tip();
      const behind = head !== null && this.#cursor.height < Math.min(head.height, this.#plan.to);
      if (behind) {
        yield* this.#blocks(Math.min(head.height, this.#plan.to));
      } else if (!ahead && this.#isReplaced(head)) {
        await this.#rollbackReported();
      } else {
        if (!this.#completed) yield formatCompleteEvent(head);
        this.#completed = true;
        if (!this.#plan.follow || ahead || this.#cursor.height >= this.#plan.to) return;
        await this.#wake.wait(this.#signal);
      }
    }
  }

  /** Tells a following client of a rollback below the cursor. @throws SyncError `FORKED` for any other client. */
  *#tellRollback(): Generator<Uint8Array, void, undefined> {
    const to = this.#rollback;
    this.#rollback = null;
    if (to === null || to.height >= this.#cursor.height) return;
    if (!this.#plan.follow) throw replaced(this.#cursor.height);
    this.#cursor = { height: to.height, hash: to.hash };
    yield formatRollbackEvent(to);
  }

  /** Whether the source no longer has the block at the cursor. */
  #isReplaced(head: BlockRef | null): boolean {
    const { height, hash } = this.#cursor;
    if (hash === null || height > this.#plan.to) return false;
    if (head === null || head.height < height) return true;
    return head.height === height && head.hash !== hash;
  }

  /** Blocks and their roll-back can be seen before they are reported; only the report says how far it went. */
  async #rollbackReported(): Promise<void> {
    if (!this.#plan.follow) throw replaced(this.#cursor.height);
    const wait = { expired: false };
    const timer = setTimeout(() => {
      wait.expired = true;
      this.#wake.notify();
    }, REPORT_WAIT_MS);
    try {
      while (this.#rollback === null && !wait.expired) await this.#wake.wait(this.#signal);
    } finally {
      clearTimeout(timer);
    }
    if (this.#rollback === null) throw replaced(this.#cursor.height);
  }

  async *#blocks(to: number): AsyncGenerator<Uint8Array, void, undefined> {
    const start = this.#cursor.height;
    const signal = this.#signal;
    for await (const frames of abortable(this.#source.read({ from: start + 1, to }, { signal }), signal)) {
      for (const frame of frames) {
        if (!this.#follows(frame)) {
          yield* this.#packer.rest();
          await this.#rollbackReported();
          return;
        }
        yield* this.#packer.add(await this.#transcoder.frame(frame));
        this.#cursor = { height: frame.header.height, hash: frame.header.hash };
      }
      yield* this.#packer.rest();
      if (this.#rollback !== null) return;
    }
    const { head } = this.#source.tip();
    if (this.#cursor.height === start && head !== null && head.height >= to) throw this.#missing(start + 1);
  }

  /** Whether a block comes directly after the cursor; `false` when it belongs to another branch. */
  #follows({ header }: Frame): boolean {
    const { height, hash } = this.#cursor;
    if (header.height !== height + 1) throw this.#missing(height + 1);
    return hash === null || header.previousHash === hash;
  }

  #missing(height: number): SyncError {
    const { base } = this.#source.tip();
    if (height < base) return belowBase(height, base);
    return new SyncError('STORE_DAMAGED', `The source left out block ${height}.`, { height });
  }
}

/** Whether a client is past all that it could be sent next. */
function isAhead(from: number, head: BlockRef | null): boolean {
  return head !== null && from > head.height + 1;
}

function replaced(height: number): SyncError {
  const message = `Block ${height} was replaced while the stream was being sent.`;
  return new SyncError('FORKED', message, { height });
}
