import type { BlockHeader, BlockRange, BlockRef, EndpointDeps, Frame } from '../../../src/contracts/index.js';
import { abortable } from '../../../src/internal/iterate.js';
import { BundleBuffer } from './bundle-buffer.js';
import { CHUNK_BYTES, IDENTITY } from './format.js';
import { Transcoder } from './transcoder.js';

/** A finished run of `block` events that many streams send. */
export interface Bundle {
  /** Height of the first block. */
  readonly from: number;
  /** The parent that the first block names. */
  readonly previousHash: string;
  /** The last block. */
  readonly last: BlockRef;
  /** The events, in pieces that are the same objects for all streams. Must not be modified. */
  readonly chunks: readonly Uint8Array[];
  /** Bytes of all pieces together. */
  readonly bytes: number;
  /** Whether it ends because no more fits, wherever the head is. */
  readonly isFull: boolean;
}

/**
 * What a read came to: a bundle; `large` for a next block that does not go into one; `replaced` for blocks of two
 * branches, whose rollback is to be reported; `nothing` where the source has not got the next block.
 */
export type Taken = Bundle | 'large' | 'replaced' | 'nothing';

/** Size that events are gathered up to, in bytes; one event that is larger goes alone. */
const BUNDLE_BYTES = 256 * 1024;
/** A larger block goes to each stream in pieces. */
const MAX_BLOCK_BYTES = 1024 * 1024;
/** What an event has beside its data, about. */
const EVENT_BYTES = 48;

/** Events that are not handed out yet. */
interface Gathered {
  readonly events: BundleBuffer;
  first: BlockHeader | null;
  last: BlockHeader | null;
  /** What they were reckoned at: where a bundle ends does not depend on how well its blocks compress. */
  reckoned: number;
}

/**
 * One read of the source that is cut into bundles as they are asked for. Between two of them it holds what is left of
 * the last batch.
 */
export class BundleRun {
  /** Height of the last block that is read. */
  readonly to: number;
  readonly #codec: string;
  readonly #transcoder: Transcoder;
  readonly #controller = new AbortController();
  readonly #batches: AsyncIterator<readonly Frame[], void>;
  #frames: readonly Frame[] = [];
  #at = 0;
  /** Height of the next block. */
  #next: number;
  /** The block before it, when that was read here. */
  #last: BlockHeader | null = null;
  #isSpent = false;

  constructor({ source, codecs, limits }: EndpointDeps, codec: string, range: BlockRange) {
    const { signal } = this.#controller;
    this.to = range.to;
    this.#next = range.from;
    this.#codec = codec;
    this.#transcoder = new Transcoder(codecs, limits, codec);
    this.#batches = abortable(source.read(range, { signal }), signal);
  }

  /** Height of the block that the next bundle begins with. */
  get next(): number {
    return this.#next;
  }

  /** Whether no more bundles come from it: it is at its end, failed, left a block out, or was retired. */
  get isSpent(): boolean {
    return this.#isSpent || this.#next > this.to;
  }

  /**
   * The next bundle, up to a height; shorter where the source stops. After anything else than a bundle the run is of no
   * more use.
   *
   * @throws SyncError of the block that should be its first, and what the source throws; blocks before those are
   * handed out first
   */
  async take(end: number): Promise<Taken> {
    const gathered: Gathered = {
      events: new BundleBuffer(BUNDLE_BYTES),
      first: null,
      last: null,
      reckoned: 0,
    };
    while (this.#next <= end) {
      const frame = await this.#peek(gathered);
      if (frame?.header.height !== this.#next) {
        this.#isSpent = true;
        break;
      }
      if (this.#last !== null && frame.header.previousHash !== this.#last.hash) return 'replaced';
      if (!this.#fits(frame, gathered)) return gathered.first === null ? 'large' : finish(gathered, true);
      if (!this.#add(frame, gathered)) break;
      if (this.#transcoder.isDue) await this.#transcoder.nextTurn();
    }
    return finish(gathered, false);
  }

  /** Lets nothing follow what is being taken. */
  retire(): void {
    this.#isSpent = true;
  }

  /** Calls off what is under way. */
  close(): void {
    this.#controller.abort();
    this.#frames = [];
    this.#batches.return?.().catch(() => undefined);
  }

  /** A failure shows to whoever asks for the block that failed. */
  async #peek({ first }: Gathered): Promise<Frame | null> {
    try {
      while (this.#at >= this.#frames.length) {
        const { done, value } = await this.#batches.next();
        if (done === true) return null;
        this.#frames = value;
        this.#at = 0;
      }
    } catch (error) {
      if (first === null) throw error;
      return null;
    }
    return this.#frames[this.#at] ?? null;
  }

  #fits({ codec, bytes, documentBytes }: Frame, gathered: Gathered): boolean {
    const encoded = codec === this.#codec ? bytes.length : documentBytes;
    if (encoded > MAX_BLOCK_BYTES) return false;
    const data = this.#codec === IDENTITY ? encoded : Math.ceil(encoded / 3) * 4;
    const reckoned = gathered.reckoned + EVENT_BYTES + data;
    if (gathered.first !== null && reckoned > BUNDLE_BYTES) return false;
    gathered.reckoned = reckoned;
    return true;
  }

  /** @returns `false` for a block that can't be sent, after others that can */
  #add(frame: Frame, gathered: Gathered): boolean {
    const { header } = frame;
    try {
      gathered.events.add(this.#transcoder.frame(frame));
    } catch (error) {
      if (gathered.first === null) throw error;
      return false;
    }
    gathered.first ??= header;
    gathered.last = header;
    this.#last = header;
    this.#next += 1;
    this.#at += 1;
    return true;
  }
}

function finish({ events, first, last }: Gathered, isFull: boolean): Taken {
  if (first === null || last === null) return 'nothing';
  const { bytes } = events;
  const whole = events.whole();
  return {
    from: first.height,
    previousHash: first.previousHash,
    last: { height: last.height, hash: last.hash },
    chunks: bytes > BUNDLE_BYTES ? cut(whole) : [whole],
    bytes,
    isFull,
  };
}

function cut(whole: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(whole.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, at) => whole.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES));
}
