/** Most memory that a download holds: of tiles on their way, verified, kept from before, or in the reader's hands. */
export class Room {
  readonly #limit: number;
  #heldBytes: number;
  #handedBytes = 0;

  /** @param keptBytes - that are held from the beginning. */
  constructor(limit: number, keptBytes: number) {
    this.#limit = limit;
    this.#heldBytes = keptBytes;
  }

  /** Whether the reader has a tile that it has not done with. */
  get isHanded(): boolean {
    return this.#handedBytes > 0;
  }

  /** Whether so many more may be held. */
  has(bytes: number): boolean {
    return this.#heldBytes + bytes <= this.#limit;
  }

  /** So many more are held. */
  take(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** So many are not held any more. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** The reader gets a tile. */
  hand(bytes: number): void {
    this.#handedBytes = bytes;
  }

  /** The reader is done with it. */
  taken(): void {
    this.release(this.#handedBytes);
    this.#handedBytes = 0;
  }
}
