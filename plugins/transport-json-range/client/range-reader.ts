import type { BlockHeader, StreamRequest, TransportDeps } from '../../../src/contracts/index.js';
import { BodyReader } from '../../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { DocumentSplitter, type SplitForm } from '../../../src/internal/json/index.js';
import { ownViews } from '../../../src/internal/own-bytes.js';
import { FrameSplitter } from '../frame-splitter.js';
import { checkHead, rangeRequest, type RangeQuery } from './http.js';
import { headerOf, Placement } from './placement.js';

type Describe = StreamRequest['describe'];

const IDENTITY = 'identity';

/** What one network read brought. */
export interface RangeBatch {
  /** Blocks that are whole now; may be none. */
  readonly blocks: readonly Uint8Array[];
  /** What each of them is encoded in; `identity` for documents. */
  readonly codec: string;
  /** Whether the first block is the first one of a response. */
  readonly first: boolean;
}

type Splitter = DocumentSplitter | FrameSplitter;

/** Reads the response to one request for a range. */
export class RangeReader {
  readonly #deps: TransportDeps;
  readonly #query: RangeQuery;
  readonly #describe: Describe;
  readonly #place: Placement;
  #codec = IDENTITY;

  constructor(deps: TransportDeps, query: RangeQuery, describe: Describe) {
    this.#deps = deps;
    this.#query = query;
    this.#describe = describe;
    this.#place = new Placement(query, (bytes) => headerOf({ bytes, codec: this.#codec }, describe));
  }

  /** How far the response has been read. */
  get place(): Pick<Placement, 'next' | 'ignoresRange'> {
    return this.#place;
  }

  /** Header of the last block that was taken; `null` when there is none, or it can't be read. */
  get lastHeader(): BlockHeader | null {
    const { last: bytes } = this.#place;
    return bytes === null ? null : headerOf({ bytes, codec: this.#codec }, this.#describe);
  }

  /**
   * The blocks as they come. What came whole before a failure is yielded before it is thrown.
   *
   * @throws SyncError `PEER_*`, `FORKED`, `BELOW_BASE`, `STREAM_*`, `PROTOCOL_VIOLATION`, `EVENT_TOO_LARGE`
   */
  async *batches(signal: AbortSignal): AsyncGenerator<RangeBatch, void, undefined> {
    const exchange = await openExchange(this.#deps, rangeRequest(this.#query), signal);
    try {
      const form = await checkHead(exchange, this.#query, this.#deps.limits, signal);
      if (form === 'frames') this.#codec = this.#query.frames ?? IDENTITY;
      yield* this.#read(this.#body(exchange), this.#splitter(form));
    } finally {
      exchange.close();
    }
  }

  #splitter(form: SplitForm | 'frames'): Splitter {
    const { maxEventBytes } = this.#deps.limits;
    const heightOf = (index: number): number => this.#place.heightOf(index);
    return form === 'frames'
      ? new FrameSplitter({ maxFrameBytes: maxEventBytes, heightOf })
      : new DocumentSplitter({ form, maxDocumentBytes: maxEventBytes, heightOf });
  }

  #body(exchange: HttpExchange): BodyReader {
    const { idleTimeoutMs, progressTimeoutMs } = this.#deps.limits;
    return new BodyReader(exchange, {
      idleMs: idleTimeoutMs,
      progressMs: progressTimeoutMs,
      codes: { idle: 'STREAM_IDLE', progress: 'STREAM_NO_PROGRESS', cut: 'STREAM_TRUNCATED' },
    });
  }

  async *#read(body: BodyReader, splitter: Splitter): AsyncGenerator<RangeBatch, void, undefined> {
    let first = true;
    try {
      for (let chunk = await body.next(); chunk !== null; chunk = await body.next()) {
        const blocks: Uint8Array[] = [];
        const found = splitter.count;
        const failure = this.#take(chunk, splitter, blocks);
        if (splitter.count > found) body.progressed();
        yield { blocks: ownViews(chunk, blocks), codec: this.#codec, first };
        if (blocks.length > 0) first = false;
        if (failure !== null) throw failure;
      }
      splitter.end();
    } finally {
      body.cancel();
    }
  }

  #take(chunk: Uint8Array, splitter: Splitter, blocks: Uint8Array[]): Error | null {
    try {
      splitter.push(chunk, (block) => {
        if (this.#place.takes(block)) blocks.push(block);
      });
      return null;
    } catch (error) {
      return error as Error;
    }
  }
}
