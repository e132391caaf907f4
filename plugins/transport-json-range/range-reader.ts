import type { StreamRequest, TransportDeps } from '../../src/contracts/index.js';
import { BodyReader } from '../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../src/internal/http/exchange.js';
import { DocumentSplitter } from '../../src/internal/json/index.js';
import { checkHead, rangeRequest, type RangeQuery } from './http.js';
import { Placement } from './placement.js';

/** What one network read brought. */
export interface RangeBatch {
  /** Documents that are whole now; may be none. */
  readonly documents: readonly Uint8Array[];
  /** Bytes read, also those of a document that is not whole yet. */
  readonly bytes: number;
  /** Whether the first document is the first one of a response. */
  readonly first: boolean;
}

/** Reads the response to one request for a range. */
export class RangeReader {
  readonly #deps: TransportDeps;
  readonly #query: RangeQuery;
  readonly #place: Placement;

  constructor(deps: TransportDeps, query: RangeQuery, describe: StreamRequest['describe']) {
    this.#deps = deps;
    this.#query = query;
    this.#place = new Placement(query, describe);
  }

  /** How far the response has been read. */
  get place(): Pick<Placement, 'next' | 'last' | 'ignoresRange'> {
    return this.#place;
  }

  /**
   * The documents as they come. What came whole before a failure is yielded before it is thrown.
   *
   * @throws SyncError `PEER_*`, `FORKED`, `BELOW_BASE`, `STREAM_*`, `PROTOCOL_VIOLATION`, `EVENT_TOO_LARGE`
   */
  async *batches(signal: AbortSignal): AsyncGenerator<RangeBatch, void, undefined> {
    const exchange = await openExchange(this.#deps, rangeRequest(this.#query), signal);
    try {
      const form = await checkHead(exchange, this.#query, this.#deps.limits, signal);
      const splitter = new DocumentSplitter({
        form,
        maxDocumentBytes: this.#deps.limits.maxEventBytes,
        heightOf: (index) => this.#place.heightOf(index),
      });
      yield* this.#read(this.#body(exchange), splitter);
    } finally {
      exchange.close();
    }
  }

  #body(exchange: HttpExchange): BodyReader {
    const { idleTimeoutMs, progressTimeoutMs } = this.#deps.limits;
    return new BodyReader(exchange, {
      idleMs: idleTimeoutMs,
      progressMs: progressTimeoutMs,
      codes: { idle: 'STREAM_IDLE', progress: 'STREAM_NO_PROGRESS', cut: 'STREAM_TRUNCATED' },
    });
  }

  async *#read(body: BodyReader, splitter: DocumentSplitter): AsyncGenerator<RangeBatch, void, undefined> {
    let first = true;
    try {
      for (let chunk = await body.next(); chunk !== null; chunk = await body.next()) {
        const documents: Uint8Array[] = [];
        const found = splitter.count;
        const failure = this.#take(chunk, splitter, documents);
        if (splitter.count > found) body.progressed();
        yield { documents, bytes: chunk.length, first };
        if (documents.length > 0) first = false;
        if (failure !== null) throw failure;
      }
      splitter.end();
    } finally {
      body.cancel();
    }
  }

  #take(chunk: Uint8Array, splitter: DocumentSplitter, documents: Uint8Array[]): Error | null {
    try {
      splitter.push(chunk, (document) => {
        if (this.#place.takes(document)) documents.push(document);
      });
      return null;
    } catch (error) {
      return error as Error;
    }
  }
}
