import type { AbortOptions, BlockRef } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { abortError, onAbort, throwIfAborted } from '../../internal/abort.js';
import { Deferred } from '../../internal/deferred.js';

/** A block that was produced. */
export interface ProducedBlock extends BlockRef {
  /** Whether it was there already: an earlier call had the same idempotency key. */
  readonly isRepeat: boolean;
}

/** What `Chain.produce` resolves with: a block for a record, and blocks, in the same order, for an array of them. */
export type ProducedOf<R> = R extends readonly unknown[] ? readonly ProducedBlock[] : ProducedBlock;

/** Options of `Chain.produce`. */
export interface ProduceOptions extends AbortOptions {
  /**
   * A name that the caller chose for what it asks, 1 to 255 bytes of UTF-8: of several calls with one key the first one
   * stores its records, and the others get the refs of the same blocks, also after a crash or an outage whose outcome
   * nobody knows. The newest 100,000 keys are kept, in the batch of their blocks; a rollback of the blocks forgets them.
   *
   * @defaultValue none: each call stores its records
   */
  readonly idempotencyKey?: string;
}

/** What a record counts for beside its bytes. */
const RECORD_BYTES = 256;

/** One call of `produce`. */
export class Request {
  readonly records: readonly Uint8Array[];
  readonly key: string | null;
  /** What it counts for while it waits. */
  readonly bytes: number;
  readonly #outcome = new Deferred<readonly ProducedBlock[]>();
  #isSettled = false;

  constructor(records: readonly Uint8Array[], key: string | null) {
    this.records = records;
    this.key = key;
    this.bytes = records.reduce((sum, { byteLength }) => sum + byteLength + RECORD_BYTES, 0);
  }

  /** Settles when its blocks are durable, or nothing of it is stored. */
  get outcome(): Promise<readonly ProducedBlock[]> {
    return this.#outcome.promise;
  }

  /** Whether its caller was told what became of it. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  stored(blocks: readonly ProducedBlock[]): void {
    this.#isSettled = true;
    this.#outcome.resolve(blocks);
  }

  failed(error: unknown): void {
    this.#isSettled = true;
    this.#outcome.reject(error);
  }

  /** Whether it asks for the same as another one. */
  isLike({ records }: Request): boolean {
    return (
      records.length === this.records.length &&
      records.every((record, at) => areEqual(record, this.records[at]))
    );
  }
}

function areEqual(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((byte, at) => byte === b[at]);
}

/** Bounds of what is stored in one batch; one request may have more. */
const GROUP_BLOCKS = 1024;
const GROUP_BYTES = 4 * 1024 * 1024;

/** Requests that wait for their turn, in the order in which they were made, within a number of bytes. */
export class RequestQueue {
  readonly #maxBytes: number;
  /** In the order in which they were made. */
  readonly #waiting = new Set<Request>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * Adds a request. Until it is taken, the signal takes it back.
   *
   * @throws SyncError `PRODUCE_BUSY` when more waits than may; one that is alone is taken whatever its size.
   */
  add(request: Request, signal: AbortSignal | undefined): void {
    if (this.#bytes > 0 && this.#bytes + request.bytes > this.#maxBytes) {
      const message = `${this.#bytes} bytes of records wait to be stored, and ${this.#maxBytes} may.`;
      throw new SyncError('PRODUCE_BUSY', message);
    }
    throwIfAborted(signal);
    this.#bytes += request.bytes;
    this.#waiting.add(request);
    const release = onAbort(signal, () => {
      if (signal === undefined || !this.#waiting.delete(request)) return;
      request.failed(abortError(signal));
    });
    void request.outcome
      .catch(() => undefined)
      .then(() => {
        release();
        this.#bytes -= request.bytes;
      });
  }

  /** Takes the requests that are stored together: at least one, if there is one. */
  take(): readonly Request[] {
    const taken: Request[] = [];
    let [blocks, bytes] = [0, 0];
    for (const request of this.#waiting) {
      blocks += request.records.length;
      bytes += request.bytes;
      if (taken.length > 0 && (blocks > GROUP_BLOCKS || bytes > GROUP_BYTES)) break;
      taken.push(request);
      this.#waiting.delete(request);
    }
    return taken;
  }
}
