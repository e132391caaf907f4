import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzip, gzipSync } from 'node:zlib';
import { DEFLATE_MAX_RATIO, inflate, type InflateBounds } from './inflate.js';

export { crc32 } from 'node:zlib';
export { isTooMuchOutput } from './inflate.js';

/*
 * Gzip (RFC 1952), as Node does it. `src/internal/web/gzip.ts` has the same for other platforms; which one is meant by
 * `#platform/gzip`, the `imports` of `package.json` say.
 */

const MIN_CHUNK_BYTES = 64;

const gzipOnThread = promisify(gzip);
const gunzipOnThread: (
  bytes: Uint8Array,
  options: { maxOutputLength: number; chunkSize: number },
) => Promise<Uint8Array> = promisify(gunzip);

/** Makes a member, at once where the platform can. */
export function gzipNow(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
  return gzipSync(bytes);
}

/** Makes a member beside other work. */
export function gzipLarge(bytes: Uint8Array): Promise<Uint8Array> {
  return gzipOnThread(bytes);
}

/**
 * Decodes members behind each other, at once.
 *
 * @param maxBytes - nothing more is ever made.
 * @throws what {@link isTooMuchOutput} knows when there is more; others for damage
 */
export function gunzipNow(bytes: Uint8Array, maxBytes: number): Uint8Array {
  return gunzipSync(bytes, boundsOf(bytes, maxBytes));
}

/** Does what {@link gunzipNow} does beside other work. */
export function gunzipLarge(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return gunzipOnThread(bytes, boundsOf(bytes, maxBytes));
}

function boundsOf(bytes: Uint8Array, maxBytes: number): { maxOutputLength: number; chunkSize: number } {
  // One byte more than expected: a full buffer makes zlib allocate a second one of the same size.
  const chunkSize = Math.max(Math.min(maxBytes + 1, bytes.byteLength * DEFLATE_MAX_RATIO), MIN_CHUNK_BYTES);
  return { maxOutputLength: Math.max(maxBytes, 1), chunkSize };
}

/** What a member decodes to. */
export interface Member {
  readonly bytes: Uint8Array;
  /** Where its trailer begins, which was not looked at. */
  readonly trailerAt: number;
}

/** Decodes single members of a body. */
export class MemberReader {
  readonly #body: Uint8Array;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /**
   * Decodes the member that begins at a place, which is behind those that were read.
   *
   * @param headerBytes - length of its header.
   * @returns `null` for what does not decode, or to more than is allowed
   */
  read(at: number, headerBytes: number, bounds: InflateBounds): Member | null {
    const start = at + headerBytes;
    try {
      const { bytes, consumed } = inflate(this.#body.subarray(start), bounds);
      return { bytes, trailerAt: start + consumed };
    } catch {
      return null;
    }
  }
}
