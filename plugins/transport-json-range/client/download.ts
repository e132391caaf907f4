import type {
  BlockHeader,
  PeerStatus,
  StreamRequest,
  TransportDeps,
  WireComplete,
  WireItem,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { throwIfAborted } from '../../../src/internal/abort.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import { Pace } from './pace.js';
import { Patience } from './patience.js';
import { type EncodedBlock, headerOf } from './placement.js';
import { Range, type RangeContext } from './range.js';
import type { RangeBatch } from './range-reader.js';

/** Bounds of a download. */
export interface DownloadOptions {
  /** Blocks of the first range. */
  readonly firstBlocks: number;
  /** Bytes of blocks that a range should have. */
  readonly targetBytes: number;
  /** How long a request may be silent, in milliseconds, before the same is asked for once more. */
  readonly hedgeAfterMs: number;
}

type Items = AsyncGenerator<readonly WireItem[], void, undefined>;

/** Most blocks of one range (protocol section 2.3). */
const MAX_RANGE = 10_000;
/** A range is at most so many times as long as the one before, whatever the first blocks were like. */
const MAX_GROWTH = 8;

/**
 * Fetches a request's blocks range by range, in order; with `follow`, what is new behind them by long poll. While the caller has what one read brought the next one is waited
 * for, and after the last one of a range the next range.
 */
export async function* download(
  deps: TransportDeps,
  options: DownloadOptions,
  request: StreamRequest,
  status: PeerStatus | null,
  signal: AbortSignal,
): Items {
  throwIfAborted(signal);
  const abort = new LinkedAbort(signal);
  const items = new Download(deps, options, request, status, abort.signal).items();
  let next = items.next();
  try {
    for (let step = await next; step.done !== true; step = await next) {
      throwIfAborted(signal);
      next = items.next();
      // Told when it is waited for.
      next.catch(() => undefined);
      yield step.value;
    }
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: request.peer.url }) : error;
  } finally {
    abort.release();
    abort.abort(new SyncError('ABORTED', 'The blocks are not needed any more.'));
    await next.catch(() => undefined);
    await items.return();
  }
}

/** Puts the ranges together. */
class Download {
  readonly #options: DownloadOptions;
  readonly #request: StreamRequest;
  readonly #status: PeerStatus | null;
  readonly #context: RangeContext;
  /** Codec to ask for frames in; `null` for documents. */
  readonly #frames: string | null;
  readonly #to: number;
  /** The last height that is known to be worth asking for; Infinity where the peer says nothing of its head. */
  readonly #known: number;
  #maxRange: number;
  #blocks: number;
  /** Height of the next block. */
  #height: number;
  #delivered: EncodedBlock | null = null;

  constructor(
    deps: TransportDeps,
    options: DownloadOptions,
    request: StreamRequest,
    status: PeerStatus | null,
    signal: AbortSignal,
  ) {
    const { describe, to, from, acceptCodecs } = request;
    this.#options = options;
    this.#request = request;
    this.#status = status;
    this.#context = { deps, describe, patience: new Patience(options.hedgeAfterMs), signal };
    this.#frames = framesOf(status, acceptCodecs);
    this.#to = to ?? Infinity;
    this.#known = Math.min(this.#to, status === null ? Infinity : (status.head?.height ?? -1));
    this.#maxRange = Math.min(MAX_RANGE, status?.maxRange ?? MAX_RANGE);
    this.#blocks = options.firstBlocks;
    this.#height = from;
  }

  async *items(): Items {
    let isMore = true;
    while (isMore && this.#height <= this.#to) isMore = yield* this.#range(this.#asked, 0);
    yield [this.#complete()];
    if (this.#request.follow) yield* this.#live();
  }

  /** What is new, as it is made: without an end, save where the line is cut or the peer is on another branch. */
  async *#live(): Items {
    const pace = new Pace(this.#status);
    while (this.#height <= this.#to) {
      const before = this.#height;
      try {
        yield* this.#range(this.#newest, pace.begin());
      } catch (error) {
        if (this.#height > before || !pace.cut(error)) throw error;
        continue;
      }
      await pace.answered(this.#height > before, this.#context.signal);
    }
  }

  /** The hash of the block that was asked for at first, where it is the one below the next. */
  get #asked(): string | null {
    const { after } = this.#request;
    return after?.height === this.#height - 1 ? after.hash : null;
  }

  /** The hash of the newest block that is here. */
  get #newest(): string | null {
    const last = this.#delivered === null ? null : headerOf(this.#delivered, this.#request.describe);
    return last?.height === this.#height - 1 ? last.hash : this.#asked;
  }

  /** @returns whether the peer may have more behind it */
  async *#range(
    parentHash: string | null,
    waitSeconds: number,
  ): AsyncGenerator<readonly WireItem[], boolean, undefined> {
    const { peer } = this.#request;
    const from = this.#height;
    const to = this.#end(from);
    const query = { peer, from, to, parentHash, frames: this.#frames, waitSeconds };
    const range = new Range(this.#context, query);
    try {
      yield* this.#deliver(range);
      return !range.ignoresRange && this.#height > to;
    } catch (error) {
      if (!isSyncError(error, 'RANGE_TOO_LARGE') || to === from) throw error;
      this.#maxRange = Math.ceil((to - from + 1) / 2);
      return true;
    } finally {
      await range.close();
    }
  }

  async *#deliver(range: Range): Items {
    let blocks = 0;
    let bytes = 0;
    for (let batch = await range.next(); batch !== null; batch = await range.next()) {
      this.#checkPlace(batch);
      blocks += batch.blocks.length;
      bytes += batch.blocks.reduce((sum, { length }) => sum + length, 0);
      yield this.#frameItems(batch);
      if (this.#height > this.#to) break;
    }
    if (blocks > 0) this.#blocks = nextSize(this.#blocks, (this.#options.targetBytes * blocks) / bytes);
  }

  /** Behind the head that the peer has named there may be newer blocks: one more range finds out. */
  #end(from: number): number {
    const bound = from > this.#known ? this.#to : this.#known;
    return Math.min(from + Math.min(this.#blocks, this.#maxRange) - 1, bound, Number.MAX_SAFE_INTEGER);
  }

  #frameItems({ blocks, codec }: RangeBatch): readonly WireItem[] {
    const wanted = blocks.slice(0, this.#to + 1 - this.#height);
    const bytes = wanted.at(-1);
    if (bytes !== undefined) this.#delivered = { bytes, codec };
    return wanted.map((each): WireItem => ({ kind: 'frame', height: this.#height++, codec, bytes: each }));
  }

  /**
   * Sees that an answer goes on where the last one ended. Each shows the chain at another moment: where two don't fit
   * the chain has changed between them, which nobody is to be blamed for.
   *
   * @throws SyncError `STREAM_TRUNCATED`, `BELOW_BASE`
   */
  #checkPlace({ blocks: [bytes], codec, first }: RangeBatch): void {
    const { describe } = this.#request;
    const header = first && bytes !== undefined ? headerOf({ bytes, codec }, describe) : null;
    if (header === null) return;
    if (this.#delivered === null) {
      this.#checkBase(header);
      return;
    }
    const before = headerOf(this.#delivered, describe);
    if (before?.height !== header.height - 1 || header.previousHash === before.hash) return;
    const message = `The peer's chain changed below block ${header.height} between two of its answers.`;
    throw new SyncError('STREAM_TRUNCATED', message, { height: header.height });
  }

  /** A file on a plain web server begins where it begins, and no status says where that is. */
  #checkBase({ height }: BlockHeader): void {
    const { from } = this.#request;
    if (this.#status !== null || height <= from) return;
    const message = `Block ${from} was asked for; what the peer has begins at ${height}.`;
    throw new SyncError('BELOW_BASE', message, { base: height });
  }

  /** The peer's own word counts where it claims more than it has sent: the engine asks for proof. */
  #complete(): WireComplete {
    const claimed = this.#status?.head ?? null;
    const height = this.#height - 1;
    if (this.#delivered === null || (claimed !== null && claimed.height > height)) {
      return { kind: 'complete', head: claimed };
    }
    const header = headerOf(this.#delivered, this.#request.describe);
    return { kind: 'complete', head: { height, hash: header?.height === height ? header.hash : null } };
  }
}

/** Blocks of the next range. @param wanted - so many have the bytes that a range should have, by what the last one had. */
function nextSize(last: number, wanted: number): number {
  return Math.max(1, Math.min(Math.floor(wanted), last * MAX_GROWTH));
}

/** What the peer holds its blocks in, if that is taken here: then neither side has to encode them anew. */
function framesOf(status: PeerStatus | null, codecs: readonly string[]): string | null {
  const { storedAs = null } = status ?? {};
  const common = codecs.filter((id) => status?.codecs.frames?.includes(id) === true);
  return common.find((id) => id === storedAs) ?? common[0] ?? null;
}
