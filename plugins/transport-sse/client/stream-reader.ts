import type { TransportLimits, WireItem } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { BodyReader } from '../../../src/internal/http/body.js';
import type { HttpExchange } from '../../../src/internal/http/exchange.js';
import { clampRetryMs } from '../../../src/internal/http/retry-after.js';
import { ownViews } from '../../../src/internal/own-bytes.js';
import { SseParser, type SseEvent } from './parser.js';
import { maxDataBytes, parseWireEvent, type WireGrammar } from './wire.js';

/** How a stream is to be read. */
export interface StreamReaderOptions extends WireGrammar {
  readonly limits: TransportLimits;
}

/** Turns the body of one response into what the peer says in it. */
export class StreamReader {
  readonly #body: BodyReader;
  readonly #parser: SseParser;
  readonly #options: StreamReaderOptions;
  #complete = false;

  constructor(exchange: HttpExchange, options: StreamReaderOptions) {
    const { idleTimeoutMs, muteTimeoutMs, progressTimeoutMs, maxEventBytes } = options.limits;
    this.#options = options;
    this.#parser = new SseParser(maxEventBytes, (type) => maxDataBytes(type, maxEventBytes));
    this.#body = new BodyReader(exchange, {
      idleMs: idleTimeoutMs,
      progressMs: progressTimeoutMs,
      // One that comes to its end is only late where it is held back.
      due: options.follow ? { ms: muteTimeoutMs, code: 'STREAM_BUFFERED' } : undefined,
      codes: { idle: 'STREAM_IDLE', progress: 'STREAM_NO_PROGRESS', cut: 'STREAM_TRUNCATED' },
    });
  }

  /**
   * One array for each network read that completed something; ends after `complete` or, when the request follows, where the
   * server ends the stream in good order, and does not say how long to wait.
   */
  async *batches(): AsyncGenerator<readonly WireItem[], void, undefined> {
    try {
      while (!this.#finished) {
        const chunk = await this.#body.next();
        if (chunk === null && this.#isInOrder) return;
        if (chunk === null) throw truncated(this.#complete);
        const items: WireItem[] = [];
        const failure = this.#take(chunk, items);
        // What came whole before the failure counts.
        if (items.length > 0) yield owned(chunk, items);
        if (failure !== null) throw failure;
      }
    } catch (error) {
      throw this.#withRetryTime(error);
    } finally {
      this.#body.cancel();
    }
  }

  get #finished(): boolean {
    return this.#complete && !this.#options.follow;
  }

  /** Whether nothing is missing at the end of what is followed. */
  get #isInOrder(): boolean {
    return this.#complete && this.#parser.isBetweenEvents && this.#parser.retryMs === null;
  }

  #take(chunk: Uint8Array, items: WireItem[]): Error | null {
    try {
      this.#parser.push(chunk, (event) => {
        this.#takeEvent(event, items);
      });
      return null;
    } catch (error) {
      return error as Error;
    }
  }

  #takeEvent(event: SseEvent, items: WireItem[]): void {
    if (this.#finished) return;
    const item = parseWireEvent(event, this.#options);
    if (item === null) return;
    items.push(item);
    if (item.kind === 'frame') this.#body.progressed();
    if (item.kind === 'complete') this.#goLive();
  }

  #goLive(): void {
    this.#complete = true;
    this.#body.upToDate();
  }

  /** `retry:` is the stream's word for how long to wait before the next attempt. */
  #withRetryTime(error: unknown): unknown {
    const { retryMs } = this.#parser;
    if (retryMs === null || !isSyncError(error) || !error.info.retryable) return error;
    return error.at({ retryAfterMs: clampRetryMs(retryMs) });
  }
}

/** What is kept of a chunk that is mostly something else, such as comments, is not to keep all of it. */
function owned(chunk: Uint8Array, items: readonly WireItem[]): readonly WireItem[] {
  const views = items.flatMap((item) => (item.kind === 'frame' ? [item.bytes] : []));
  const bytes = ownViews(chunk, views);
  if (bytes === views) return items;
  let at = 0;
  return items.map((item) => (item.kind === 'frame' ? { ...item, bytes: bytes[at++] ?? item.bytes } : item));
}

function truncated(complete: boolean): SyncError {
  return new SyncError(
    'STREAM_TRUNCATED',
    complete ? 'The peer ended the stream that was followed.' : 'The stream ended before it was complete.',
  );
}
