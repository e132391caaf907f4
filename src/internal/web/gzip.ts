import { Gunzip } from 'fflate';
import { crc32Of } from '../crc32.js';
import { concatBytes } from './bytes.js';

/*
 * What `src/internal/node/gzip.ts` does, by fflate. The `DecompressionStream` of browsers takes no second member, does not
 * say where the first one ends, and answers later.
 */

/** Bytes that are decoded at once: deflate makes 1,032 times as many of them at most. */
const STEP_BYTES = 8 * 1024;
const TRAILER_BYTES = 8;

const crc = crc32Of(0xedb88320);

/** The CRC-32 of gzip. */
export function crc32(bytes: Uint8Array): number {
  return crc(bytes, 0, bytes.byteLength);
}

class TooMuchOutput extends RangeError {}

/** Whether an error says that more would have come out than was allowed. */
export function isTooMuchOutput(error: unknown): boolean {
  return error instanceof TooMuchOutput;
}

/** Makes a member beside other work. */
export async function gzipNow(bytes: Uint8Array): Promise<Uint8Array> {
  const { readable, writable } = new CompressionStream('gzip');
  const writer = writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  const parts: Uint8Array[] = [];
  const reader = (readable as ReadableStream<Uint8Array>).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) parts.push(read.value);
  await written;
  return concatBytes(parts);
}

/** The same. */
export const gzipLarge = gzipNow;

/**
 * Decodes members behind each other, at once.
 *
 * @param maxBytes - nothing more is kept.
 * @throws what {@link isTooMuchOutput} knows when there is more; others for damage
 */
export function gunzipNow(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const members = new Members(bytes);
  const parts: Uint8Array[] = [];
  let left = maxBytes;
  for (let member = members.next(left); member !== null; member = members.next(left)) {
    if (!isIntact(bytes, member)) throw new TypeError('A checksum is wrong.');
    parts.push(member.bytes);
    left -= member.bytes.byteLength;
  }
  return concatBytes(parts);
}

/** Decodes exactly one member, as {@link gunzipNow}. */
export function gunzipOne(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const members = new Members(bytes);
  const member = members.next(maxBytes);
  if (member === null || !isIntact(bytes, member)) throw new TypeError('A checksum is wrong.');
  if (member.trailerAt + TRAILER_BYTES !== bytes.byteLength) throw new TypeError('Bytes follow it.');
  return member.bytes;
}

/** The same: there is no other thread to do it on. */
export function gunzipLarge(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return Promise.resolve().then(() => gunzipNow(bytes, maxBytes));
}

/** What a member decodes to. */
export interface Member {
  readonly bytes: Uint8Array;
  /** Where its trailer begins, which was not looked at. */
  readonly trailerAt: number;
}

/** Decodes single members of a body. */
export class MemberReader {
  readonly #members: Members;

  constructor(body: Uint8Array) {
    this.#members = new Members(body);
  }

  /**
   * Decodes the member that begins at a place, which is behind those that were read.
   *
   * @returns `null` for what does not decode, or to more than is allowed
   */
  read(at: number, _headerBytes: number, { maxBytes }: { readonly maxBytes: number }): Member | null {
    try {
      let member = this.#members.next(maxBytes);
      while (member !== null && member.at < at) member = this.#members.next(maxBytes);
      return member?.at === at ? member : null;
    } catch {
      return null;
    }
  }
}

interface FoundMember extends Member {
  readonly at: number;
}

/** The members of a body, one after the other. Where one ends is only known when the next one begins, or the body ends. */
class Members {
  readonly #body: Uint8Array;
  readonly #gunzip: Gunzip;
  readonly #found: FoundMember[] = [];
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #start = 0;
  #read = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#gunzip = new Gunzip((part) => {
      this.#parts.push(part);
      this.#partBytes += part.byteLength;
    });
    this.#gunzip.onmember = (at) => {
      this.#end(at);
    };
  }

  /** The next one; `null` behind the last. @throws what fflate does not decode, and TooMuchOutput */
  next(maxBytes: number): FoundMember | null {
    let next = this.#found.shift() ?? null;
    while (next === null && this.#read < this.#body.byteLength) {
      this.#step();
      next = this.#found.shift() ?? null;
      if (next === null && this.#partBytes > maxBytes) throw new TooMuchOutput();
    }
    if (next !== null && next.bytes.byteLength > maxBytes) throw new TooMuchOutput();
    return next;
  }

  #step(): void {
    const to = Math.min(this.#read + STEP_BYTES, this.#body.byteLength);
    const isLast = to === this.#body.byteLength;
    const piece = this.#body.subarray(this.#read, to);
    this.#read = to;
    this.#gunzip.push(piece, isLast);
    if (isLast) this.#end(to);
  }

  #end(at: number): void {
    const bytes = concatBytes(this.#parts);
    this.#found.push({ at: this.#start, bytes, trailerAt: at - TRAILER_BYTES });
    this.#start = at;
    this.#parts = [];
    this.#partBytes = 0;
  }
}

function isIntact(body: Uint8Array, { bytes, trailerAt }: Member): boolean {
  if (trailerAt < 0) return false;
  const view = new DataView(body.buffer, body.byteOffset + trailerAt, TRAILER_BYTES);
  return view.getUint32(4, true) === bytes.byteLength % 2 ** 32 && view.getUint32(0, true) === crc32(bytes);
}
