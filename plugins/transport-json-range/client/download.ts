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
import { Budget } from './budget.js';
import type { Piece } from './attempt.js';
import { otherBranch, type Lane, type LaneContext } from './lane.js';
import { Lanes } from './lanes.js';
import { headerOf } from './placement.js';
import { Sizer, type SizerOptions } from './sizer.js';
import type { Source } from './source.js';
import { Sources } from './sources.js';

/** Bounds of a download. */
export interface DownloadOptions extends SizerOptions {
  readonly parallel: number;
  readonly maxBufferedBytes: number;
  readonly hedgeAfterMs: number;
}

type Items = AsyncGenerator<readonly WireItem[], void, undefined>;

/** Fetches a request's blocks range by range and delivers them in order. */
export async function* download(
  deps: TransportDeps,
  options: DownloadOptions,
  request: StreamRequest,
  status: PeerStatus | null,
  signal: AbortSignal,
): Items {
  throwIfAborted(signal);
  const abort = new LinkedAbort(signal);
  const context: Omit<LaneContext, 'discard'> = {
    deps,
    describe: request.describe,
    budget: new Budget(options.maxBufferedBytes),
    signal: abort.signal,
    running: new Set(),
    sources: new Sources(request, status),
    sizer: new Sizer(options),
    hedgeAfterMs: options.hedgeAfterMs,
    delivered: null,
  };
  const lanes = new Lanes(context, request, status, options.parallel);
  try {
    yield* new Delivery(request, status, lanes, context).items(abort.signal);
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: request.peer.url }) : error;
  } finally {
    abort.release();
    abort.abort(new SyncError('ABORTED', 'The blocks are not needed any more.'));
    await lanes.close();
  }
}

/** Puts the ranges together. */
class Delivery {
  readonly #request: StreamRequest;
  readonly #status: PeerStatus | null;
  readonly #lanes: Lanes;
  readonly #context: Omit<LaneContext, 'discard'>;
  readonly #to: number;
  #height: number;
  /** Sent what does not fit on another one of the others: either of them is on another branch. */
  #suspect: Source | null = null;

  constructor(
    request: StreamRequest,
    status: PeerStatus | null,
    lanes: Lanes,
    context: Omit<LaneContext, 'discard'>,
  ) {
    this.#request = request;
    this.#status = status;
    this.#lanes = lanes;
    this.#context = context;
    this.#to = request.to ?? Infinity;
    this.#height = request.from;
  }

  async *items(signal: AbortSignal): Items {
    while (this.#height <= this.#to) {
      const lane = this.#lanes.current();
      if (lane === null) break;
      this.#lanes.fill();
      yield* this.#deliver(lane, signal);
      if (lane.last) break;
      this.#lanes.advance();
    }
    yield [this.#complete()];
  }

  async *#deliver(lane: Lane, signal: AbortSignal): Items {
    for (let piece = await lane.take(); piece !== null; piece = await lane.take()) {
      throwIfAborted(signal);
      if (piece.blocks.length === 0 || !this.#accepts(piece, lane)) continue;
      const items = this.#frames(piece);
      this.#lanes.fill();
      yield items;
      if (this.#height > this.#to) return;
    }
  }

  #frames({ blocks, codec, source }: Piece): readonly WireItem[] {
    const from = source.asked ? {} : { peer: source.peer };
    let total = 0;
    const items: WireItem[] = [];
    for (const bytes of blocks) {
      total += bytes.length;
      if (this.#height > this.#to) continue;
      this.#context.delivered = { bytes, codec, source };
      items.push({ kind: 'frame', height: this.#height++, codec, bytes, ...from });
    }
    this.#context.sizer.measured(blocks.length, total);
    return items;
  }

  /** Whether a piece fits on what was delivered; one of another peer that doesn't is asked for again. */
  #accepts(piece: Piece, lane: Lane): boolean {
    const { delivered } = this.#context;
    const { source } = piece;
    const misfit = this.#misfit(piece);
    if (misfit === null) {
      if (source.asked) this.#leave(this.#suspect, this.#height);
      return true;
    }
    if (delivered === null ? source.asked : delivered.source === source) throw changed(misfit);
    if (delivered !== null && source.asked) {
      this.#leave(delivered.source, misfit);
      throw otherBranch(delivered.source, misfit);
    }
    lane.refetch(piece.height, source);
    const { asked } = this.#context.sources;
    if (delivered === null || delivered.source.asked || asked.out !== null) this.#leave(source, misfit);
    else this.#suspect = source;
    return false;
  }

  /** One of the others turned out to be on another branch. */
  #leave(source: Source | null, height: number): void {
    if (source === null) return;
    const message = `The blocks from ${height} on are not of the branch that the asked peer has.`;
    this.#context.sources.fail(source, new SyncError('FORKED', message, { height }));
    this.#lanes.discard(source);
    this.#suspect = null;
  }

  /**
   * The height at which a piece does not fit; `null` when it does. Each answer shows the chain at another moment: where
   * two answers of one peer don't fit the chain has changed between them, which no peer is to be blamed for.
   */
  #misfit({ blocks: [bytes], codec, first, source }: Piece): number | null {
    const { describe } = this.#request;
    const { delivered } = this.#context;
    const isNew = first || delivered?.source !== source;
    const header = isNew && bytes !== undefined ? headerOf({ bytes, codec }, describe) : null;
    if (header === null) return null;
    if (delivered === null) return this.#misfitAtStart(header, source);
    const before = headerOf(delivered, describe);
    if (before === null || header.height !== before.height + 1) return null;
    return header.previousHash === before.hash ? null : header.height;
  }

  /** Only the asked peer was asked whether it has the block that we go on from; another one may be on another branch. */
  #misfitAtStart(header: BlockHeader, { asked }: Source): number | null {
    const { after } = this.#request;
    this.#checkBase(header);
    if (asked || after?.height !== header.height - 1) return null;
    return after.hash === header.previousHash ? null : header.height;
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
    const { delivered } = this.#context;
    if (delivered === null || (claimed !== null && claimed.height > height)) {
      return { kind: 'complete', head: claimed };
    }
    const header: BlockHeader | null = headerOf(delivered, this.#request.describe);
    return { kind: 'complete', head: { height, hash: header?.height === height ? header.hash : null } };
  }
}

function changed(height: number): SyncError {
  const message = `The peer's chain changed below block ${height} between two of its answers.`;
  return new SyncError('STREAM_TRUNCATED', message, { height });
}
