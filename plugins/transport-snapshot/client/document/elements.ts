import { ElementEnd } from '../../../../src/internal/json/index.js';
import { corrupt } from './corrupt.js';
import type { Input } from './input.js';

/** Elements are handed on once they have this many bytes together. */
const BATCH_BYTES = 1024 * 1024;
/** At the end of a chunk they are handed on from so many bytes on, together with the chunk's memory. */
const OWNED_BATCH_BYTES = 256 * 1024;
/** However small they are, at most so many. */
const BATCH_ELEMENTS = 16_384;

const OPEN = 0x7b;
const COMMA = 0x2c;
const ARRAY_END = 0x5d;

/** What an array may hold. */
export interface ArrayLimits {
  /** Name of the member, for messages. */
  readonly name: string;
  readonly maxElementBytes: number;
  readonly maxElements: number;
}

/**
 * Cuts the objects of an array out of the document, byte for byte. The reader stands behind the opening bracket, and
 * afterwards behind the closing one. Of the objects only the end is found.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export async function* arrayElements(input: Input, limits: ArrayLimits): AsyncGenerator<ElementBatch> {
  const end = new ElementEnd();
  const batch = new Batch();
  let open = (await input.peek()) !== ARRAY_END;
  if (!open) input.at++;
  for (let count = 0; open; count++) {
    requireElement(input, count, limits);
    const element = cutElement(input, end, limits) ?? (await joinElement(input, end, limits));
    if (batch.add(element)) yield batch.take(false);
    const next = follows(input, limits);
    if (next === null && batch.isWorthGiving) {
      input.letGo();
      yield batch.take(true);
    }
    open = next ?? (await followsLater(input, limits));
  }
  if (batch.size > 0) yield batch.take(false);
}

function requireElement({ chunk, at }: Input, count: number, { name, maxElements }: ArrayLimits): void {
  if (chunk.bytes[at] !== OPEN) throw corrupt(`element ${count} of ${name} is not an object`);
  if (count === maxElements) throw corrupt(`${name} has more than ${count} elements`);
}

/** Elements of an array, in their order. */
export interface ElementBatch {
  readonly elements: readonly Uint8Array[];
  /** Whether their memory is not used here any more. */
  readonly owned: boolean;
}

class Batch {
  #elements: Uint8Array[] = [];
  #bytes = 0;
  /** Whether an element of the batch was handed on from memory that is still read. */
  #shared = false;

  get size(): number {
    return this.#elements.length;
  }

  /** Whether the end of a chunk is reason enough to hand it on. */
  get isWorthGiving(): boolean {
    return this.#bytes >= OWNED_BATCH_BYTES;
  }

  /** Whether it is full now. */
  add(element: Uint8Array): boolean {
    this.#bytes += element.length;
    return this.#elements.push(element) === BATCH_ELEMENTS || this.#bytes >= BATCH_BYTES;
  }

  /** What has gathered. A batch out of a chunk that was shared before is shared too. */
  take(ends: boolean): ElementBatch {
    const batch = { elements: this.#elements, owned: ends && !this.#shared };
    this.#elements = [];
    this.#bytes = 0;
    this.#shared = !ends;
    return batch;
  }
}

/**
 * Goes to the next element, which is not looked at, or behind the end of the array.
 *
 * @returns whether there is one; `null`, and nothing is done, when that takes another chunk.
 */
function follows(input: Input, limits: ArrayLimits): boolean | null {
  if (input.at + 1 >= input.chunk.end) return null;
  return separates(input.chunk.bytes[input.at++], limits);
}

async function followsLater(input: Input, limits: ArrayLimits): Promise<boolean> {
  const byte = await input.peek();
  input.at++;
  const more = separates(byte, limits);
  if (more) await input.peek();
  return more;
}

function separates(byte: number | undefined, { name }: ArrayLimits): boolean {
  if (byte !== COMMA && byte !== ARRAY_END) throw corrupt(`a comma is missing between elements of ${name}`);
  return byte === COMMA;
}

/** The element when its end is in the chunk. */
function cutElement(input: Input, end: ElementEnd, limits: ArrayLimits): Uint8Array | null {
  const { chunk, at } = input;
  const after = find(end, chunk.bytes, at, limits);
  if (after < 0) return null;
  if (after - at > limits.maxElementBytes) throw tooLarge(limits);
  input.at = after;
  return chunk.bytes.subarray(at, after);
}

/** Joins an element that goes on in later chunks; what of it is in this one has been looked at. */
async function joinElement(input: Input, end: ElementEnd, limits: ArrayLimits): Promise<Uint8Array> {
  const pieces = [input.chunk.bytes.subarray(input.at)];
  let length = input.chunk.end - input.at;
  for (;;) {
    if (length > limits.maxElementBytes) throw tooLarge(limits);
    if (!(await input.more())) throw corrupt(`it ends inside of ${limits.name}`);
    const after = find(end, input.chunk.bytes, 0, limits);
    input.at = after < 0 ? input.chunk.end : after;
    pieces.push(input.chunk.bytes.subarray(0, input.at));
    length += input.at;
    if (after < 0) continue;
    if (length > limits.maxElementBytes) throw tooLarge(limits);
    return joined(pieces, length);
  }
}

/** @returns the position after the element; -1 when it goes on in the next chunk. */
function find(end: ElementEnd, bytes: Uint8Array, from: number, { name }: ArrayLimits): number {
  const after = end.scan(bytes, from);
  if (end.fault !== null) throw corrupt(`an element of ${name} is not well-formed: ${end.fault}`);
  return end.open ? -1 : after;
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function tooLarge({ name, maxElementBytes }: ArrayLimits): Error {
  return corrupt(`an element of ${name} has more than ${maxElementBytes} bytes`);
}
