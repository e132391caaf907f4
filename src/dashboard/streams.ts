import type { ServerResponse } from 'node:http';
import { breakOff } from '../server/send.js';

/** Shortest time between two updates: two a second are as live as an eye needs. */
const UPDATE_MS = 500;
/** A stream ends after this time, and its page opens another one: what was forgotten does not stay for ever. */
const MAX_STREAM_MS = 600_000;

/** A page that does not take the rest of what it was sent is cut off after this time. */
const LAST_BYTES_MS = 1_000;

/** A response that middleware such as `compression` may have put a `flush` on. */
type Flushable = ServerResponse & { readonly flush?: () => void };

/** What the streams send. */
export interface StreamTexts {
  /** All there is, for a new stream. */
  all(): string;
  /** What a stream needs that had the last update. */
  newest(): string;
}

/** The streams of a dashboard: a page that is slow misses updates, so that none of them wait. */
export class DashboardStreams {
  readonly #texts: StreamTexts;
  readonly #maxStreamMs: number;
  readonly #open = new Map<ServerResponse, NodeJS.Timeout>();
  /** Those that have not taken yet what was sent to them. HTTP/2's responses know no `writableNeedDrain`. */
  readonly #behind = new Set<ServerResponse>();
  #due: NodeJS.Timeout | null = null;
  #lastMs = -Infinity;

  constructor(texts: StreamTexts, maxStreamMs = MAX_STREAM_MS) {
    this.#texts = texts;
    this.#maxStreamMs = maxStreamMs;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Begins a stream on a response whose head was not sent. */
  begin(res: ServerResponse): void {
    res.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      // Nginx would hold the events back.
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    const timer = setTimeout(() => {
      this.#end(res);
    }, this.#maxStreamMs).unref();
    this.#open.set(res, timer);
    res.once('close', () => {
      this.#forget(res);
    });
    res.on('drain', () => this.#behind.delete(res));
    this.#write(res, this.#texts.all());
  }

  /** Something has changed: an update is due, now or when the last one is long enough ago. */
  changed(): void {
    if (this.#open.size === 0 || this.#due !== null) return;
    const waitMs = Math.max(0, this.#lastMs + UPDATE_MS - performance.now());
    this.#due = setTimeout(() => {
      this.#due = null;
      this.#lastMs = performance.now();
      this.#send();
    }, waitMs).unref();
  }

  /** Ends all streams. */
  close(): void {
    if (this.#due !== null) clearTimeout(this.#due);
    for (const res of [...this.#open.keys()]) this.#end(res);
  }

  #send(): void {
    const ready = [...this.#open.keys()].filter((res) => !this.#behind.has(res));
    if (ready.length === 0) return;
    const text = this.#texts.newest();
    for (const res of ready) this.#write(res, text);
  }

  #end(res: ServerResponse): void {
    this.#forget(res);
    res.end();
    // One that takes nothing holds its connection, and a server that closes waits for it.
    const cutOff = setTimeout(() => {
      breakOff(res);
    }, LAST_BYTES_MS).unref();
    res.once('close', () => {
      clearTimeout(cutOff);
    });
  }

  #forget(res: ServerResponse): void {
    clearTimeout(this.#open.get(res));
    this.#open.delete(res);
    this.#behind.delete(res);
  }

  #write(res: ServerResponse, data: string): void {
    if (!res.write(`data: ${data}\n\n`)) this.#behind.add(res);
    (res as Flushable).flush?.();
  }
}
