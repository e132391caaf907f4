import type {
  BlockHeader,
  PeerStatus,
  StreamRequest,
  TransportDeps,
  WireComplete,
  WireItem,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { abortError, throwIfAborted } from '../../src/internal/abort.js';
import { Budget } from './budget.js';
import type { Lane, LaneContext } from './lane.js';
import { Lanes } from './lanes.js';
import { headerOf } from './placement.js';
import type { RangeBatch } from './range-reader.js';
import { Sizer, type SizerOptions } from './sizer.js';

/** Bounds of a download. */
export interface DownloadOptions extends SizerOptions {
  readonly parallel: number;
  readonly maxBufferedBytes: number;
}

type Items = AsyncGenerator<readonly WireItem[], void, undefined>;

/** Most blocks of one range (protocol section 2.3). */
const MAX_RANGE = 10_000;

/** Fetches a request's blocks range by range and delivers them in order. */
export async function* download(
  deps: TransportDeps,
  options: DownloadOptions,
  request: StreamRequest,
  status: PeerStatus | null,
  signal: AbortSignal,
): Items {
  const controller = new AbortController();
  const onAbort = (): void => {
    controller.abort(abortError(signal));
  };
  throwIfAborted(signal);
  signal.addEventListener('abort', onAbort, { once: true });
  const context: LaneContext = {
    deps,
    describe: request.describe,
    budget: new Budget(options.maxBufferedBytes),
    signal: controller.signal,
    maxRange: Math.min(MAX_RANGE, status?.maxRange ?? MAX_RANGE),
    parallel: options.parallel,
  };
  const sizer = new Sizer(options);
  const lanes = new Lanes(context, request, sizer, status);
  try {
    yield* new Delivery(request, status, lanes, sizer).items(controller.signal);
  } catch (error) {
    throw error instanceof SyncError ? error.at({ peer: request.peer.url }) : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    controller.abort(new SyncError('ABORTED', 'The blocks are not needed any more.'));
    await lanes.close();
  }
}

/** Puts the ranges together. */
class Delivery {
  readonly #request: StreamRequest;
  readonly #status: PeerStatus | null;
  readonly #lanes: Lanes;
  readonly #sizer: Sizer;
  readonly #to: number;
  #height: number;
  #last: Uint8Array | null = null;

  constructor(request: StreamRequest, status: PeerStatus | null, lanes: Lanes, sizer: Sizer) {
    this.#request = request;
    this.#status = status;
    this.#lanes = lanes;
    this.#sizer = sizer;
    this.#to = request.to ?? Infinity;
    this.#height = request.from;
  }

  async *items(signal: AbortSignal): Items {
    while (this.#height <= this.#to) {
      const lane = this.#lanes.current();
      this.#lanes.fill();
      yield* this.#deliver(lane, signal);
      if (lane.last) break;
      this.#lanes.advance();
    }
    yield [this.#complete()];
  }

  async *#deliver(lane: Lane, signal: AbortSignal): Items {
    for (let batch = await lane.take(); batch !== null; batch = await lane.take()) {
      throwIfAborted(signal);
      if (batch.documents.length === 0) continue;
      this.#checkBranch(batch);
      const items = this.#frames(batch.documents);
      this.#lanes.fill();
      yield items;
      if (this.#height > this.#to) return;
    }
  }

  #frames(documents: readonly Uint8Array[]): readonly WireItem[] {
    let total = 0;
    const items: WireItem[] = [];
    for (const bytes of documents) {
      total += bytes.length;
      if (this.#height > this.#to) continue;
      this.#last = bytes;
      items.push({ kind: 'frame', height: this.#height++, codec: 'identity', bytes });
    }
    this.#sizer.measured(documents.length, total);
    return items;
  }

  /**
   * Each answer shows the chain at another moment. Where two of them don't fit the chain has changed between them,
   * which no peer is to be blamed for.
   */
  #checkBranch({ documents: [document], first }: RangeBatch): void {
    const { describe } = this.#request;
    const header = first && document !== undefined ? headerOf(document, describe) : null;
    if (header === null) return;
    if (this.#last === null) {
      this.#checkBase(header);
      return;
    }
    const before = headerOf(this.#last, describe);
    if (before === null || header.height !== before.height + 1) return;
    if (header.previousHash === before.hash) return;
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
    if (this.#last === null || (claimed !== null && claimed.height > height)) {
      return { kind: 'complete', head: claimed };
    }
    const header: BlockHeader | null = headerOf(this.#last, this.#request.describe);
    return { kind: 'complete', head: { height, hash: header?.height === height ? header.hash : null } };
  }
}
