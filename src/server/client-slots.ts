import { SyncError } from '../errors/index.js';

/** What a refused client is told to wait. */
const RETRY_AFTER_MS = 5_000;

/** How many places there are. */
export interface SlotLimits {
  /** What takes a place, in the plural: `streams`. */
  readonly what: string;
  readonly max: number;
  readonly maxPerClient: number;
}

/** Counts what is open of one kind, in all and by client. */
export class ClientSlots {
  readonly #limits: SlotLimits;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Places taken now. */
  get open(): number {
    return this.#total;
  }

  /**
   * Takes a place; the returned function gives it back, and does nothing when it is called again.
   *
   * @param mostPerClient - where this client may have another number than others.
   * @throws SyncError `SERVER_BUSY`, `TOO_MANY_STREAMS`
   */
  take(clientKey: string, mostPerClient = this.#limits.maxPerClient): () => void {
    const { what, max } = this.#limits;
    const mine = this.#byClient.get(clientKey) ?? 0;
    const options = { retryAfterMs: RETRY_AFTER_MS };
    if (mine >= mostPerClient) {
      const message = `This client has ${mine} ${what} open; ${mostPerClient} are allowed.`;
      throw new SyncError('TOO_MANY_STREAMS', message, options);
    }
    if (this.#total >= max) {
      throw new SyncError('SERVER_BUSY', `All ${max} ${what} of this server are taken.`, options);
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
