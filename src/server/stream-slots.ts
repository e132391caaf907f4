import type { ServerLimits } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Counts the streams that are open, in all and for each client address. */
export class StreamSlots {
  readonly #limits: Pick<ServerLimits, 'maxStreams' | 'maxStreamsPerAddress'>;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: Pick<ServerLimits, 'maxStreams' | 'maxStreamsPerAddress'>) {
    this.#limits = limits;
  }

  /** Streams open now. */
  get total(): number {
    return this.#total;
  }

  /**
   * Takes a place.
   *
   * @returns gives the place back; calling it again does nothing.
   * @throws SyncError `SERVER_BUSY`, `TOO_MANY_STREAMS`
   */
  take(address: string): () => void {
    const { maxStreams, maxStreamsPerAddress } = this.#limits;
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (ofAddress >= maxStreamsPerAddress) {
      throw new SyncError(
        'TOO_MANY_STREAMS',
        `This address has ${ofAddress} streams open, as many as it may.`,
      );
    }
    if (this.#total >= maxStreams) {
      throw new SyncError('SERVER_BUSY', `The server has ${this.#total} streams open, as many as it allows.`);
    }
    this.#total += 1;
    this.#byAddress.set(address, ofAddress + 1);
    let taken = true;
    return () => {
      if (taken) this.#release(address);
      taken = false;
    };
  }

  #release(address: string): void {
    this.#total -= 1;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
