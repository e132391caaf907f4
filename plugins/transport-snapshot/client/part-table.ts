import { setImmediate as turn } from 'node:timers/promises';
import type { SnapshotPart } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import {
  type Document,
  plainStringSpan,
  readInteger,
  requiredMember,
  scanDocument,
  type Span,
} from '../../../src/internal/json/index.js';
import { corrupt, wrong } from '../manifest-claims.js';
import { MAX_PART_BYTES, MAX_PART_RAW_BYTES } from '../manifest.js';
import { MerkleTree } from '../merkle.js';

const HASH_BYTES = 32;
const MEMBERS = { maxDepth: 4, names: ['offset', 'length', 'rawLength', 'sha256'] } as const;
const FIRST_PARTS = 1024;
/** After so many parts others have their turn. */
const TURN_PARTS = 1000;

/** The parts of a manifest whose word is not checked yet: 40 bytes for each. */
export class PartTable {
  readonly #maxParts: number;
  #hashes = new Uint8Array(0);
  #lengths = new Uint32Array(0);
  #rawLengths = new Uint32Array(0);
  #count = 0;
  /** Bytes of all parts. */
  length = 0;
  /** Decoded bytes of all parts. */
  rawLength = 0;

  constructor(maxParts: number) {
    this.#maxParts = maxParts;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a part by its JSON. @throws SyncError `SNAPSHOT_CORRUPT` */
  add(text: Uint8Array): void {
    if (this.#count === this.#maxParts)
      throw corrupt(`it has more than ${this.#maxParts} parts (see \`maxParts\`)`);
    if (this.#count === this.#lengths.length) this.#grow();
    const part = scanned(text);
    const offset = integer(part, 'offset', Number.MAX_SAFE_INTEGER);
    if (offset !== this.length) throw corrupt(`a part begins at ${offset} where ${this.length} was due`);
    const length = integer(part, 'length', MAX_PART_BYTES);
    const rawLength = integer(part, 'rawLength', MAX_PART_RAW_BYTES);
    if (length < 1) throw wrong('parts.length');
    if (rawLength < 1) throw wrong('parts.rawLength');
    readHash(text, member(part, 'sha256'), this.#hashes, this.#count * HASH_BYTES);
    this.#lengths[this.#count] = length;
    this.#rawLengths[this.#count] = rawLength;
    this.#count++;
    this.length += length;
    this.rawLength += rawLength;
  }

  /** RFC 6962 tree hash over the parts' hashes, lower-case hex. */
  async root(): Promise<string> {
    const tree = new MerkleTree();
    await this.#each((index) => {
      tree.add(this.#hash(index));
    });
    return tree.root().toString('hex');
  }

  /** The parts as they are worked with. */
  async parts(): Promise<readonly SnapshotPart[]> {
    const parts: SnapshotPart[] = [];
    let offset = 0;
    await this.#each((index) => {
      const length = this.#lengths[index] ?? 0;
      const sha256 = this.#hash(index).toString('hex');
      parts.push({ offset, length, rawLength: this.#rawLengths[index] ?? 0, sha256 });
      offset += length;
    });
    return parts;
  }

  async #each(visit: (index: number) => void): Promise<void> {
    for (let index = 0; index < this.#count; index++) {
      if (index > 0 && index % TURN_PARTS === 0) await turn();
      visit(index);
    }
  }

  #hash(index: number): Buffer {
    return Buffer.from(this.#hashes.buffer, index * HASH_BYTES, HASH_BYTES);
  }

  #grow(): void {
    const capacity = Math.min(this.#maxParts, Math.max(FIRST_PARTS, this.#count * 2));
    const [hashes, lengths, rawLengths] = [this.#hashes, this.#lengths, this.#rawLengths];
    this.#hashes = new Uint8Array(capacity * HASH_BYTES);
    this.#hashes.set(hashes);
    this.#lengths = new Uint32Array(capacity);
    this.#lengths.set(lengths);
    this.#rawLengths = new Uint32Array(capacity);
    this.#rawLengths.set(rawLengths);
  }
}

function scanned(text: Uint8Array): Document {
  try {
    return scanDocument(text, MEMBERS);
  } catch (error) {
    throw isSyncError(error) ? corrupt(`one of its parts is not a JSON object: ${error.message}`) : error;
  }
}

function member(part: Document, name: string): Span {
  try {
    return requiredMember(part, name);
  } catch (error) {
    throw isSyncError(error) ? wrong(`parts.${name}`) : error;
  }
}

function integer(part: Document, name: string, max: number): number {
  const value = readInteger(part.bytes, member(part, name));
  if (value === null || value < 0 || value > max) throw wrong(`parts.${name}`);
  return value;
}

/** Lower-case hex only. */
function readHash(text: Uint8Array, value: Span, hashes: Uint8Array, at: number): void {
  const span = plainStringSpan(text, value);
  if (span === null || span.end - span.start !== 2 * HASH_BYTES) throw wrong('parts.sha256');
  for (let index = 0; index < HASH_BYTES; index++) {
    const high = digit(text[span.start + 2 * index]);
    const low = digit(text[span.start + 2 * index + 1]);
    hashes[at + index] = high * 16 + low;
  }
}

function digit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x61 + 10;
  throw wrong('parts.sha256');
}
