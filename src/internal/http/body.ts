import { isSyncError, SyncError, type ErrorCode } from '../../errors/index.js';
import { abortError, raceAbort } from '../abort.js';
import type { HttpExchange } from './exchange.js';
import { watch } from './watch.js';

const FIRST_READ_BYTES = 4096;
/** Reads after the progress time is up: what is due may be among what arrived while this process stood still. */
const MAX_OVERDUE_READS = 8;

/** How long a {@link BodyReader} waits, in milliseconds, and what it calls what goes wrong. */
export interface BodyLimits {
  /** Longest wait for the next bytes. */
  readonly idleMs: number;
  /** Longest waits in all since the last {@link BodyReader.progressed}. */
  readonly progressMs: number;
  /** Longest wait for the next bytes while something is due, where that is less; and what a longer one is called. */
  readonly due?: { readonly ms: number; readonly code: ErrorCode } | undefined;
  readonly codes: { readonly idle: ErrorCode; readonly progress: ErrorCode; readonly cut: ErrorCode };
}

/**
 * Reads the body of a response chunk by chunk. The times run only while it waits for the network, so a consumer that
 * takes its time is never mistaken for a silent peer.
 */
export class BodyReader {
  readonly #exchange: HttpExchange;
  readonly #limits: BodyLimits;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;
  #waitedMs: number;
  #overdueReads = 0;
  #progressDue = true;

  constructor(exchange: HttpExchange, limits: BodyLimits) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#reader = exchange.response.body?.getReader() ?? null;
    this.#waitedMs = exchange.headMs;
  }

  /** Something that was due has come: the progress time starts anew. */
  progressed(): void {
    this.#waitedMs = 0;
    this.#overdueReads = 0;
  }

  /** Nothing is due from now on: only the idle time counts. */
  upToDate(): void {
    this.#progressDue = false;
  }

  /**
   * The next bytes; `null` at the end of the body.
   *
   * @throws SyncError one of {@link BodyLimits.codes}, or what the exchange was called off with
   */
  async next(): Promise<Uint8Array | null> {
    if (this.#reader === null) return null;
    const stopWatch = this.#watch();
    const started = performance.now();
    const { signal } = this.#exchange;
    try {
      const { value } = await raceAbort(this.#reader.read(), signal);
      return value ?? null;
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      if (isSyncError(error)) throw error;
      throw new SyncError(this.#limits.codes.cut, 'The connection broke in the middle of the response.', {
        cause: error,
      });
    } finally {
      stopWatch();
      this.#waitedMs += performance.now() - started;
    }
  }

  /** Gives up what is left. */
  cancel(): void {
    this.#reader?.cancel().catch(() => undefined);
  }

  #watch(): () => void {
    const { ms: idleMs, code: idleCode } = this.#silence;
    const leftMs = this.#leftMs();
    // A wait that is over at once never lets a timer fire.
    if (leftMs === 0 && this.#overdueReads++ === MAX_OVERDUE_READS) throw this.#noProgress();
    return watch(Math.min(leftMs, idleMs), () => {
      this.#exchange.fail(
        leftMs < idleMs
          ? this.#noProgress()
          : new SyncError(idleCode, `The response was silent for ${idleMs} ms.`),
      );
    });
  }

  /** How long nothing may come, and what a longer silence is. */
  get #silence(): { readonly ms: number; readonly code: ErrorCode } {
    const { idleMs, due, codes } = this.#limits;
    return due !== undefined && this.#progressDue && due.ms < idleMs ? due : { ms: idleMs, code: codes.idle };
  }

  #leftMs(): number {
    return this.#progressDue ? Math.max(this.#limits.progressMs - this.#waitedMs, 0) : Infinity;
  }

  #noProgress(): SyncError {
    const { progressMs, codes } = this.#limits;
    return new SyncError(codes.progress, `Nothing that was due came within ${progressMs} ms.`);
  }
}

/** The chunks of a body; what is left when the reader leaves is given up. @throws SyncError as {@link BodyReader.next} does */
export async function* chunksOf(body: BodyReader): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let chunk = await body.next(); chunk !== null; chunk = await body.next()) yield chunk;
  } finally {
    body.cancel();
  }
}

/**
 * Reads a small body whole.
 *
 * @returns `null` when it has more than `maxBytes`; no more than that is held
 */
export async function readBody(body: BodyReader, maxBytes: number): Promise<Uint8Array | null> {
  let held = new Uint8Array(Math.min(maxBytes, FIRST_READ_BYTES));
  let length = 0;
  try {
    for (let chunk = await body.next(); chunk !== null; chunk = await body.next()) {
      if (length + chunk.length > maxBytes) return null;
      if (length + chunk.length > held.length) held = grown(held, length + chunk.length);
      held.set(chunk, length);
      length += chunk.length;
    }
    return held.subarray(0, length);
  } finally {
    body.cancel();
  }
}

function grown(bytes: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
