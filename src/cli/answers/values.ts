import { malformed } from '../../internal/json/index.js';
import { SyncError } from '../../errors/index.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const FIRST_BYTES = 64 * 1024;

/**
 * Reads JSON objects behind each other, in whatever lines, and gives each out on one line: line breaks between its tokens are
 * dropped with the white space behind them. Whether it is well formed is for others to say.
 *
 * @param maxBytes - of one object.
 * @throws SyncError `BLOCK_TOO_LARGE`, `BLOCK_MALFORMED`
 */
export async function* readValues(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const value = new OneValue(maxBytes);
  for await (const chunk of source) {
    for (const byte of chunk) {
      const whole = value.push(byte);
      if (whole !== null) yield whole;
    }
  }
  if (!value.isEmpty) throw malformed(value.bytes, 'the end inside an object');
}

/** The object that has begun. */
class OneValue {
  readonly #maxBytes: number;
  #held = Buffer.allocUnsafe(FIRST_BYTES);
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isAfterBreak = false;
  bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  /** @returns the object when this is its last byte. */
  push(byte: number): Uint8Array | null {
    if (this.#isInString) this.#inString(byte);
    else if (this.#isDropped(byte)) return null;
    else this.#outside(byte);
    this.#keep(byte);
    return this.#depth === 0 ? this.#take() : null;
  }

  #inString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInString = false;
  }

  #isDropped(byte: number): boolean {
    if (!SPACES.has(byte)) {
      this.#isAfterBreak = false;
      return false;
    }
    if (byte === 0x0a || byte === 0x0d) this.#isAfterBreak = true;
    return this.#isAfterBreak || this.#depth === 0;
  }

  #outside(byte: number): void {
    if (byte === QUOTE) this.#isInString = true;
    else if (byte === OPEN) this.#depth++;
    else if (byte === CLOSE) this.#depth--;
    if (this.isEmpty && byte !== OPEN) throw malformed(0, 'no object in the input');
  }

  #keep(byte: number): void {
    if (this.bytes === this.#maxBytes)
      throw new SyncError('BLOCK_TOO_LARGE', 'An object of the input is larger than a block may be.');
    if (this.bytes === this.#held.length)
      this.#held = Buffer.concat([this.#held, Buffer.allocUnsafe(this.#held.length)]);
    this.#held[this.bytes++] = byte;
  }

  #take(): Uint8Array {
    const whole = new Uint8Array(this.#held.subarray(0, this.bytes));
    this.bytes = 0;
    return whole;
  }
}
