import { doubleSha256 } from './hash.js';

/** A transaction, read from its bytes. Hashes are in the order of the bytes. */
export interface Transaction {
  readonly txid: Buffer;
  readonly wtxid: Buffer;
  readonly hasWitness: boolean;
  /** Scripts of its outputs. */
  readonly outputs: readonly Uint8Array[];
  /** Witness items of its first input, all that counts of a coinbase. */
  readonly firstWitness: readonly Uint8Array[];
  readonly bytes: number;
}

const OUT_POINT_BYTES = 36;

/** Reads a transaction; `null` for bytes that are none, or not in the one form that nodes take. */
export function readTransaction(bytes: Uint8Array): Transaction | null {
  try {
    return read(new Reader(bytes));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function read(reader: Reader): Transaction | null {
  const { bytes } = reader;
  reader.skip(4);
  const isSegwit = bytes[4] === 0 && bytes[5] === 1;
  if (isSegwit) reader.skip(2);
  const start = reader.at;
  const inputs = reader.count();
  for (let i = 0; i < inputs; i++) {
    reader.skip(OUT_POINT_BYTES);
    reader.take(reader.count());
    reader.skip(4);
  }
  const outputs = Array.from({ length: reader.count() }, () => {
    reader.skip(8);
    return reader.take(reader.count());
  });
  const end = reader.at;
  const witnesses = isSegwit ? Array.from({ length: inputs }, () => items(reader)) : [];
  reader.skip(4);
  const hasWitness = witnesses.some((one) => one.length > 0);
  if (reader.at !== bytes.length || inputs === 0 || isSegwit !== hasWitness) return null;
  const stripped = [bytes.subarray(0, 4), bytes.subarray(start, end), bytes.subarray(bytes.length - 4)];
  return {
    txid: doubleSha256(...stripped),
    wtxid: doubleSha256(bytes),
    hasWitness,
    outputs,
    firstWitness: witnesses[0] ?? [],
    bytes: bytes.length,
  };
}

function items(reader: Reader): readonly Uint8Array[] {
  return Array.from({ length: reader.count() }, () => reader.take(reader.count()));
}

/** Reads on; what is not there is a `RangeError`. */
class Reader {
  readonly bytes: Uint8Array;
  at = 0;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(length: number): void {
    this.take(length);
  }

  take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.bytes.length) throw new RangeError('The transaction ends too early.');
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  /** A number of things, in as few bytes as it needs, and of no more things than there are bytes left. */
  count(): number {
    const first = this.#view.getUint8(this.at);
    this.at++;
    const value = first < 0xfd ? first : this.#wide(first);
    if (value > this.bytes.length - this.at) throw new RangeError('The transaction ends too early.');
    return value;
  }

  #wide(first: number): number {
    // No transaction has as many bytes as would need eight bytes for their number.
    if (first === 0xff) throw new RangeError('A number is too large.');
    const length = first === 0xfd ? 2 : 4;
    const value = length === 2 ? this.#view.getUint16(this.at, true) : this.#view.getUint32(this.at, true);
    this.at += length;
    if (value < (length === 2 ? 0xfd : 0x10000)) throw new RangeError('A number is not in its one form.');
    return value;
  }
}
