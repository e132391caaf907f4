/** A row as the server has it: a field without a value is `null`. */
export type BinaryRow = readonly (Buffer | null)[];

/** What comes before the rows: a signature, flags, and how long the rest of it is, which is nothing. */
const HEADER_BYTES = 19;
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

/** Field of no value. */
export const NULL = -1;

/** What is left of a field is read right into its memory from so many bytes on. */
const ROOM_BYTES = 16 * 1024;

/**
 * Puts rows in binary form together from pieces as they come, each field in memory of its own. Bytes are copied once; those
 * of a large field need not be at all.
 */
export class CopyRows {
  readonly #onRow: (row: BinaryRow) => void;
  /** What is being filled, how far, and what it is good for then. */
  #filling: Buffer = Buffer.allocUnsafe(HEADER_BYTES);
  #filled = 0;
  #onFull: () => void = () => {
    this.#expect(COUNT_BYTES, this.#onCount);
  };
  #row: (Buffer | null)[] = [];
  #fields = 0;

  constructor(onRow: (row: BinaryRow) => void) {
    this.#onRow = onRow;
  }

  push(piece: Buffer): void {
    for (let at = 0; at < piece.byteLength;) {
      const copied = piece.copy(this.#filling, this.#filled, at);
      at += copied;
      this.filled(copied);
    }
  }

  /**
   * Memory of the field that is coming, for the bytes that are next, of which there are so many; `null` when they are too few
   * to be worth it.
   */
  room(bytes: number): Buffer | null {
    const end = Math.min(this.#filling.byteLength, this.#filled + bytes);
    return end - this.#filled < ROOM_BYTES ? null : this.#filling.subarray(this.#filled, end);
  }

  /** So many bytes were put where {@link room} said. */
  filled(bytes: number): void {
    this.#filled += bytes;
    if (this.#filled === this.#filling.byteLength) this.#onFull();
  }

  #expect(bytes: number, onFull: () => void): void {
    this.#filling = Buffer.allocUnsafe(bytes);
    this.#filled = 0;
    this.#onFull = onFull;
    if (bytes === 0) onFull();
  }

  readonly #onCount = (): void => {
    // A count below 0 is the end.
    this.#fields = this.#filling.readInt16BE();
    this.#row = [];
    this.#next();
  };

  readonly #onLength = (): void => {
    const length = this.#filling.readInt32BE();
    if (length === NULL) this.#add(null);
    else this.#expect(length, this.#onField);
  };

  readonly #onField = (): void => {
    this.#add(this.#filling);
  };

  #add(field: Buffer | null): void {
    this.#row.push(field);
    this.#next();
  }

  #next(): void {
    if (this.#row.length < this.#fields) {
      this.#expect(LENGTH_BYTES, this.#onLength);
      return;
    }
    if (this.#fields > 0) this.#onRow(this.#row);
    this.#expect(COUNT_BYTES, this.#onCount);
  }
}
