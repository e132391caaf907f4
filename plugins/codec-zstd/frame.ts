import { SyncError } from '../../src/errors/index.js';

// RFC 8878 section 3.1.1: the layout of a frame.
const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;
const CONTENT_CHECKSUM = 0x04;
const RESERVED = 0x08;
const SINGLE_SEGMENT = 0x20;
const DICTIONARY_ID = 0x03;
const DESCRIPTOR_AT = MAGIC.length;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;

/** A raw block without content that is not the last one (RFC 8878 section 3.1.1.2). */
export const EMPTY_BLOCK = new Uint8Array(BLOCK_HEADER_BYTES);
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;
const MAX_BLOCK_BYTES = 128 * 1024;

/** Base-2 logarithm of the largest window taken: 8 MiB, what RFC 8878 section 3.1.1.1.2 advises and RFC 9659 asks for. */
export const MAX_WINDOW_LOG = 23;

/**
 * Follows the outline of a frame without decoding it, to find its exact end: zlib takes several frames as one, and
 * ignores some of what may follow them.
 */
export class FrameOutline {
  #state: 'header' | 'block' | 'body' | 'checksum' | 'end' = 'header';
  /** Collects a header that comes in pieces. */
  #collected: number[] = [];
  /** Bytes of a block or checksum that are still to come. */
  #left = 0;
  #lastBlock = false;
  #checksum = false;

  /** Whether the frame is complete. */
  get ended(): boolean {
    return this.#state === 'end';
  }

  /**
   * Takes the next bytes.
   *
   * @throws SyncError `CODEC_CORRUPT` for what can't be a frame, or goes on behind its end
   */
  take(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'end') throw corrupt(`${bytes.length - at} bytes follow it`);
      if (this.#state === 'header') this.#takeHeader(bytes[at++] ?? 0);
      else if (this.#state === 'block') this.#takeBlockHeader(bytes[at++] ?? 0);
      else at += this.#skip(bytes.length - at);
    }
  }

  #skip(available: number): number {
    const count = Math.min(available, this.#left);
    this.#left -= count;
    if (this.#left === 0) this.#next();
    return count;
  }

  #takeHeader(byte: number): void {
    const header = this.#collected;
    const expected = MAGIC[header.length];
    if (expected !== undefined && byte !== expected) throw corrupt('it does not start with 28 b5 2f fd');
    header.push(byte);
    const descriptor = header[DESCRIPTOR_AT];
    if (descriptor === undefined || header.length < headerBytes(descriptor)) return;
    checkWindow(header, descriptor);
    this.#checksum = (descriptor & CONTENT_CHECKSUM) !== 0;
    this.#collected = [];
    this.#state = 'block';
  }

  #takeBlockHeader(byte: number): void {
    this.#collected.push(byte);
    const [low = 0, middle = 0, high] = this.#collected;
    if (high === undefined || this.#collected.length < BLOCK_HEADER_BYTES) return;
    this.#collected = [];
    const header = low | (middle << 8) | (high << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === BLOCK_RESERVED || size > MAX_BLOCK_BYTES) throw corrupt('a block header is not valid');
    this.#lastBlock = (header & 1) !== 0;
    this.#left = type === BLOCK_RLE ? 1 : size;
    this.#state = 'body';
    if (this.#left === 0) this.#next();
  }

  #next(): void {
    if (this.#state === 'body' && !this.#lastBlock) {
      this.#state = 'block';
    } else if (this.#state === 'body' && this.#checksum) {
      this.#state = 'checksum';
      this.#left = CHECKSUM_BYTES;
    } else {
      this.#state = 'end';
    }
  }
}

/** The error for bytes that are not exactly one zstd frame. */
export function corrupt(what: string, cause?: unknown): SyncError {
  return new SyncError('CODEC_CORRUPT', `Not exactly one zstd frame: ${what}.`, { cause });
}

/** Where the blocks of a frame begin. @throws SyncError `CODEC_CORRUPT` */
export function firstBlockAt(frame: Uint8Array): number {
  return headerBytes(frame[DESCRIPTOR_AT] ?? 0);
}

/** Length of the header, magic included. @throws SyncError `CODEC_CORRUPT` for what is not taken */
function headerBytes(descriptor: number): number {
  if ((descriptor & RESERVED) !== 0) throw corrupt('a reserved bit is set');
  if ((descriptor & DICTIONARY_ID) !== 0) throw corrupt('it needs a dictionary');
  const single = (descriptor & SINGLE_SEGMENT) !== 0;
  return DESCRIPTOR_AT + 1 + (single ? 0 : 1) + contentSizeBytes(descriptor);
}

/** Length of what a frame says that it decodes to; `null` where it does not. The frame has a whole header. */
export function statedBytes(frame: Uint8Array): number | null {
  const descriptor = frame[DESCRIPTOR_AT] ?? 0;
  const bytes = contentSizeBytes(descriptor);
  if (bytes === 0) return null;
  const at = headerBytes(descriptor) - bytes;
  let size = 0;
  for (let byte = bytes - 1; byte >= 0; byte--) size = size * 256 + (frame[at + byte] ?? 0);
  // RFC 8878 section 3.1.1.1.4: two bytes begin with 256.
  return bytes === 2 ? size + 256 : size;
}

function contentSizeBytes(descriptor: number): number {
  const flag = descriptor >> 6;
  if (flag === 0 && (descriptor & SINGLE_SEGMENT) !== 0) return 1;
  return CONTENT_SIZE_BYTES[flag] ?? 0;
}

/** A single segment's window is its content, which the output limit bounds. */
function checkWindow(header: readonly number[], descriptor: number): void {
  if ((descriptor & SINGLE_SEGMENT) !== 0) return;
  const window = header[DESCRIPTOR_AT + 1] ?? 0;
  const bytes = 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  if (bytes > 2 ** MAX_WINDOW_LOG) throw corrupt(`it needs a window of ${bytes} bytes`);
}
