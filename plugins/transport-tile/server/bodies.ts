import { SyncError } from '../../../src/errors/index.js';
import { onAbort, throwIfAborted } from '../../../src/internal/abort.js';

/** Bytes of bodies that all clients together are being sent at once, unless it is one body. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;
/** The same of one client: a few that take next to nothing would else keep all others from tiles. */
const MAX_CLIENT_BYTES = MAX_HELD_BYTES / 4;
const BUSY_RETRY_MS = 1_000;

/** A body is handed on in such pieces. */
const PIECE_BYTES = 256 * 1024;

/** The bodies that are held in memory until their clients have taken them. */
export class Bodies {
  #heldBytes = 0;
  readonly #byClient = new Map<string, number>();

  /**
   * Makes room for a body, before it is read.
   *
   * @param clientKey - whose body it is.
   * @returns what gives the room back; it may be called any number of times.
   * @throws SyncError `TOO_MANY_STREAMS` when the client has too much of it, `SERVER_BUSY` when there is none now
   */
  take(bytes: number, clientKey: string): () => void {
    const options = { retryAfterMs: BUSY_RETRY_MS };
    const mine = this.#byClient.get(clientKey) ?? 0;
    if (mine > 0 && mine + bytes > MAX_CLIENT_BYTES)
      throw new SyncError('TOO_MANY_STREAMS', 'This client is being sent too many tiles.', options);
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > MAX_HELD_BYTES)
      throw new SyncError('SERVER_BUSY', 'Too many tiles are being sent.', options);
    this.#count(clientKey, bytes);
    let isHeld = true;
    return () => {
      if (isHeld) this.#count(clientKey, -bytes);
      isHeld = false;
    };
  }

  #count(clientKey: string, bytes: number): void {
    this.#heldBytes += bytes;
    const mine = (this.#byClient.get(clientKey) ?? 0) + bytes;
    if (mine > 0) this.#byClient.set(clientKey, mine);
    else this.#byClient.delete(clientKey);
  }
}

/**
 * A body in pieces. Not a generator: one that was not started yet would run nothing at `return`.
 *
 * @param onEnd - runs when it was sent or its client has gone, once or more.
 */
export function piecesOf(
  body: Uint8Array,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncIterable<Uint8Array> {
  let rest = body;
  const end = (): void => {
    stopListening();
    rest = new Uint8Array();
    onEnd();
  };
  const stopListening = onAbort(signal, () => {
    onEnd();
  });
  const next = (): Promise<IteratorResult<Uint8Array, undefined>> => {
    if (rest.length === 0 || signal.aborted) {
      end();
      // A body that is cut short must not pass for a whole.
      return new Promise((resolve) => {
        throwIfAborted(signal);
        resolve({ done: true, value: undefined });
      });
    }
    const value = rest.subarray(0, PIECE_BYTES);
    rest = rest.subarray(PIECE_BYTES);
    return Promise.resolve({ done: false, value });
  };
  const leave = (): Promise<IteratorReturnResult<undefined>> => {
    end();
    return Promise.resolve({ done: true, value: undefined });
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
}
