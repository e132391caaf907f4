import type { ServerLimits } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** What a refused client is told to wait. */
const RETRY_AFTER_MS = 5_000;

/** Counts the open streams, in all and by client. */
export class StreamSlots {
  readonly #limits: Pick<ServerLimits, 'maxStreams' | 'maxStreamsPerAddress'>;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(limits: Pick<ServerLimits, 'maxStreams' | 'maxStreamsPerAddress'>) {
    this.#limits = limits;
  }

  /** Streams open now. */
  get open(): number {
    return this.#total;
  }

  /**
   * Takes a place; the returned function gives it back, and does nothing when it is called again.
   *
   * @throws SyncError `SERVER_BUSY`, `TOO_MANY_STREAMS`
   */
  take(clientKey: string): () => void {
    const { maxStreams, maxStreamsPerAddress } = this.#limits;
    const mine = this.#byClient.get(clientKey) ?? 0;
    const options = { retryAfterMs: RETRY_AFTER_MS };
    if (mine >= maxStreamsPerAddress) {
      const message = `This client has ${mine} streams open; ${maxStreamsPerAddress} are allowed.`;
      throw new SyncError('TOO_MANY_STREAMS', message, options);
    }
    if (this.#total >= maxStreams) {
      throw new SyncError('SERVER_BUSY', `All ${maxStreams} streams of this server are taken.`, options);
    }
    this.#total += 1;
    this.#byClient.set(clientKey, mine + 1);
    let taken = true;
    return () => {
      if (taken) this.#giveBack(clientKey);
      taken = false;
    };
  }

  #giveBack(clientKey: string): void {
    this.#total -= 1;
    const left = (this.#byClient.get(clientKey) ?? 1) - 1;
    if (left > 0) this.#byClient.set(clientKey, left);
    else this.#byClient.delete(clientKey);
  }
}
