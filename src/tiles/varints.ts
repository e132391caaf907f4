/** Kinds of times; larger numbers are the difference to the time before. */
const TIME = { none: 0, float: 1, difference: 2 } as const;

/** A difference up to this stays exact when its sign is put into it. */
const MAX_DIFFERENCE = 2 ** 50;
const FLOAT_BYTES = 8;

/** Writes numbers from 0 to 2^53−1 in seven bits a byte, the lowest first, and other things between them. */
export class ByteWriter {
  readonly #memory: Buffer;
  #at = 0;

  /** @param room - at least as many bytes as are written. */
  constructor(room: number) {
    this.#memory = Buffer.allocUnsafe(room);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#memory[this.#at++] = (rest % 0x80) | 0x80;
    this.#memory[this.#at++] = rest;
  }

  bytes(bytes: Uint8Array): void {
    this.#memory.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  /** A time, or any number, or none. @param before - a time that is likely near. */
  time(value: number | null, before: number): void {
    const difference = (value ?? 0) - before;
    if (value === null) this.varint(TIME.none);
    else if (Number.isSafeInteger(value) && Math.abs(difference) < MAX_DIFFERENCE)
      this.varint(TIME.difference + 2 * Math.abs(difference) + (difference < 0 ? 1 : 0));
    else {
      this.varint(TIME.float);
      this.#at = this.#memory.writeDoubleLE(value, this.#at);
    }
  }

  /** What was written. */
  done(): Buffer {
    return this.#memory.subarray(0, this.#at);
  }
}

/** Reads what a {@link ByteWriter} has written. */
export class ByteReader {
  readonly #memory: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#memory.readUInt8(this.#at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  bytes(length: number): Buffer {
    this.#at += length;
    return this.#memory.subarray(this.#at - length, this.#at);
  }

  time(before: number): number | null {
    const kind = this.varint();
    if (kind === TIME.none) return null;
    if (kind === TIME.float) return this.bytes(FLOAT_BYTES).readDoubleLE();
    const packed = kind - TIME.difference;
    const difference = Math.floor(packed / 2);
    return before + (packed % 2 === 0 ? difference : -difference);
  }
}
