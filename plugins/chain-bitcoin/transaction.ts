import { doubleSha256 } from './hash.js';

/** A transaction, read from its bytes. Hashes are in the order of the bytes. */
export interface Transaction {
  readonly txid: Buffer;
  readonly wtxid: Buffer;
  readonly hasWitness: boolean;
  /** What its last output of that form says of the witnesses of a block, as a coinbase does; `null` for none. */
  readonly commitment: Uint8Array | null;
  /** The one witness item of its first input; `null` where it has none or more. */
  readonly onlyWitness: Uint8Array | null;
  readonly bytes: number;
}

const OUT_POINT_BYTES = 36;
/** What begins the output of a coinbase that commits to the witnesses (BIP 141). */
const COMMITMENT = Buffer.from('6a24aa21a9ed', 'hex');
const HASH_BYTES = 32;

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
  const commitment = readCommitment(reader);
  const end = reader.at;
  const { hasWitness, onlyWitness } = readWitnesses(reader, isSegwit ? inputs : 0);
  reader.skip(4);
  if (reader.at !== bytes.length || inputs === 0 || isSegwit !== hasWitness) return null;
  const stripped = [bytes.subarray(0, 4), bytes.subarray(start, end), bytes.subarray(bytes.length - 4)];
  return {
    txid: doubleSha256(...stripped),
    wtxid: doubleSha256(bytes),
    hasWitness,
    commitment,
    onlyWitness,
    bytes: bytes.length,
  };
}

/** Reads the outputs, of which no others are kept: an item of a byte or two takes a hundred in memory. */
function readCommitment(reader: Reader): Uint8Array | null {
  let found: Uint8Array | null = null;
  for (let left = reader.count(); left > 0; left--) {
    reader.skip(8);
    const script = reader.take(reader.count());
    const isLong = script.length >= COMMITMENT.length + HASH_BYTES;
    if (isLong && COMMITMENT.equals(script.subarray(0, COMMITMENT.length)))
      found = script.subarray(COMMITMENT.length, COMMITMENT.length + HASH_BYTES);
  }
  return found;
}

/** Reads the witnesses of so many inputs. */
function readWitnesses(
  reader: Reader,
  inputs: number,
): { readonly hasWitness: boolean; readonly onlyWitness: Uint8Array | null } {
  let hasWitness = false;
  let onlyWitness: Uint8Array | null = null;
  for (let at = 0; at < inputs; at++) {
    const { count, first } = readItems(reader);
    hasWitness ||= count > 0;
    if (at === 0 && count === 1) onlyWitness = first;
  }
  return { hasWitness, onlyWitness };
}

/** Reads the witness of an input. */
function readItems(reader: Reader): { readonly count: number; readonly first: Uint8Array | null } {
  const count = reader.count();
  let first: Uint8Array | null = null;
  for (let at = 0; at < count; at++) {
    const item = reader.take(reader.count());
    if (at === 0) first = item;
  }
  return { count, first };
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
