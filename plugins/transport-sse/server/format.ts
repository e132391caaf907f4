import type { BlockRef, Frame } from '../../../src/contracts/index.js';
import { ERROR_CODES, isSyncError, SyncError, type ErrorCode } from '../../../src/errors/index.js';

/** The codec whose blocks are sent as they are; those of all others are sent in base64. */
export const IDENTITY = 'identity';
const LF = 0x0a;
const CR = 0x0d;
const END = '\n\n';

/** A comment that shows that the server is alive. */
export const HEARTBEAT: Uint8Array = Buffer.from(`:${END}`);

/** A `rollback` event: everything above `to` is void. */
export function formatRollbackEvent(to: BlockRef): Uint8Array {
  return formatJson('rollback', { height: to.height, hash: to.hash }, `id: ${heightText(to.height)}\n`);
}

/** A `complete` event with the head when it was written; `null` for an empty chain. */
export function formatCompleteEvent(head: BlockRef | null): Uint8Array {
  return formatJson('complete', { height: head?.height ?? null, hash: head?.hash ?? null });
}

/** An `error` event; the stream ends after it. */
export function formatErrorEvent(code: ErrorCode, text: string): Uint8Array {
  return formatJson('error', { error: text, code });
}

/** The `error` event for a failure. Messages of the store or of other errors may name paths and are not passed on. */
export function formatFailure(error: unknown): Uint8Array {
  if (!isSyncError(error)) return formatErrorEvent('INTERNAL', ERROR_CODES.INTERNAL.summary);
  const { code, message, info } = error;
  if (code === 'STORE_DAMAGED') return formatErrorEvent('PEER_DAMAGED', ERROR_CODES.PEER_DAMAGED.summary);
  return formatErrorEvent(code, TELLING.has(code) ? message : info.summary);
}

const TELLING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BELOW_BASE',
  'BLOCK_TOO_LARGE',
  'BLOCK_MALFORMED',
  'FORKED',
]);

/** Nothing but digits ever gets into an `id` line, whatever a source hands out. */
function heightText(height: number): string {
  if (Number.isSafeInteger(height) && height >= 0) return String(height);
  throw new TypeError(`A height is an integer from 0 to 2^53-1, not ${String(height)}.`);
}

/** `JSON.stringify` leaves no line break in its result, whatever the text is. */
function formatJson(event: string, data: object, idLine = ''): Uint8Array {
  return Buffer.from(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}${END}`);
}

/** What a `block` event is written from. */
type EncodedBlock = Pick<Frame, 'header' | 'codec' | 'bytes'>;

/**
 * A whole `block` event in memory of its own.
 *
 * @throws SyncError `BLOCK_MALFORMED` for an unencoded document with a line break in it, which would end the event early
 */
export function formatBlockEvent(block: EncodedBlock): Uint8Array {
  // Not of Node's pool: an event that is kept would keep the 8 KiB that it was cut from.
  const event = Buffer.allocUnsafeSlow(blockEventLength(block));
  const { start, bytes, raw } = partsOf(block);
  const from = event.write(start, 'latin1');
  const to = from + (raw ? bytes.copy(event, from) : event.write(bytes.toString('base64'), from, 'latin1'));
  event.write(END, to, 'latin1');
  return event;
}

/** Length of a whole `block` event, in bytes. */
export function blockEventLength({ header, codec, bytes }: EncodedBlock): number {
  const data = codec === IDENTITY ? bytes.length : Math.ceil(bytes.length / 3) * 4;
  return startOf(header.height).length + data + END.length;
}

function partsOf({ header, codec, bytes: encoded }: EncodedBlock): {
  readonly start: string;
  readonly bytes: Buffer;
  readonly raw: boolean;
} {
  const { height } = header;
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  const raw = codec === IDENTITY;
  if (raw && (bytes.includes(LF) || bytes.includes(CR))) {
    throw new SyncError('BLOCK_MALFORMED', `Block ${height} has a line break in it.`, { height });
  }
  return { start: startOf(height), bytes, raw };
}

function startOf(height: number): string {
  return `event: block\nid: ${heightText(height)}\ndata: `;
}

/** Size that chunks are filled up to, in bytes. */
export const CHUNK_BYTES = 64 * 1024;
/** A chunk with less in it is copied out, so that a short event does not hold a whole buffer. */
const COPY_BELOW_BYTES = CHUNK_BYTES / 4;

/**
 * Writes `block` events into chunks of one size: short events share a chunk, long ones go over several, and no event
 * is put together in one piece. Ask for `rest` when no more is at hand.
 */
export class BlockPacker {
  #chunk = Buffer.alloc(0);
  #used = 0;

  /**
   * Adds an event and yields the chunks that became full.
   *
   * @throws SyncError `BLOCK_MALFORMED` for an unencoded document with a line break in it, which would end the event early
   */
  *add(block: EncodedBlock): Generator<Uint8Array, void, undefined> {
    const { start, bytes, raw } = partsOf(block);
    yield* this.#raw(Buffer.from(start, 'latin1'));
    yield* raw ? this.#raw(bytes) : this.#base64(bytes);
    yield* this.#raw(Buffer.from(END, 'latin1'));
  }

  /** Adds a finished event: a long one goes as it is, after what is left. */
  *addEvent(event: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (event.length < CHUNK_BYTES)
      yield* this.#raw(Buffer.from(event.buffer, event.byteOffset, event.length));
    else {
      yield* this.rest();
      yield event;
    }
  }

  /** Takes out what is left; empty when nothing is. */
  rest(): readonly Uint8Array[] {
    if (this.#used === 0) return [];
    if (this.#used >= COPY_BELOW_BYTES) return [this.#cut()];
    const copy = Buffer.from(this.#chunk.subarray(0, this.#used));
    this.#used = 0;
    return [copy];
  }

  *#raw(bytes: Buffer): Generator<Uint8Array, void, undefined> {
    for (let start = 0; start < bytes.length;) {
      if (this.#room() === 0) yield this.#cut();
      const copied = bytes.copy(this.#chunk, this.#used, start);
      this.#used += copied;
      start += copied;
    }
  }

  *#base64(bytes: Buffer): Generator<Uint8Array, void, undefined> {
    for (let start = 0; start < bytes.length;) {
      if (this.#room() < 4) yield this.#cut();
      const end = Math.min(bytes.length, start + Math.floor(this.#room() / 4) * 3);
      this.#used += this.#chunk.write(bytes.toString('base64', start, end), this.#used, 'latin1');
      start = end;
    }
  }

  /** Bytes left in the chunk; a buffer is made when there is none. */
  #room(): number {
    if (this.#chunk.length === 0) this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    return this.#chunk.length - this.#used;
  }

  #cut(): Uint8Array {
    const full = this.#chunk.subarray(0, this.#used);
    this.#chunk = Buffer.alloc(0);
    this.#used = 0;
    return full;
  }
}
