import type { HttpFetchResponse, Peer } from '../../../src/contracts/index.js';
import { ByteRope } from '../../../src/internal/byte-rope.js';

/** The beginning of a body whose request was cut off: the rest may be asked for by itself. */
export interface PartialBody {
  /** Who sent it. Bytes of two servers are never put together. */
  readonly peer: Peer;
  /** Strong: it names these very bytes (RFC 9110 section 8.8.1). */
  readonly etag: string;
  readonly bytes: Uint8Array;
}

/** What the head of an answer says of the bytes behind it. */
export interface FileHead {
  /** Whether the HTTP client has decoded a `Content-Encoding`. */
  readonly isDecoded: boolean;
  /** `null` where there is none that is strong. */
  readonly etag: string | null;
  /** Which byte of the file is the first one. */
  readonly start: number;
  /** Length of the whole file, where that is known. */
  readonly size: number | null;
}

const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]{0,256}"$/;
const CONTENT_RANGE = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16})$/;

/** The headers that ask for what is missing of a file, or for all of it where it is not the same any more (RFC 9110 section 13.1.5). */
export function resumeHeaders({ etag, bytes }: PartialBody): Record<string, string> {
  return { range: `bytes=${bytes.byteLength}-`, 'if-range': etag };
}

/** The head of an answer that has the whole file. */
export function wholeHead({ headers }: HttpFetchResponse): FileHead {
  const etag = headers.get('etag');
  return {
    isDecoded: headers.get('content-encoding') !== null,
    etag: etag !== null && STRONG_ETAG.test(etag) ? etag : null,
    start: 0,
    size: null,
  };
}

/** The head of an answer with status 206; `null` when it has not exactly what is missing. */
export function restHead(response: HttpFetchResponse, partial: PartialBody): FileHead | null {
  const { isDecoded, etag } = wholeHead(response);
  if (isDecoded || etag !== partial.etag) return null;
  const [, from, to, total] = CONTENT_RANGE.exec(response.headers.get('content-range') ?? '') ?? [];
  const start = partial.bytes.byteLength;
  const size = Number(total);
  return Number(from) === start && Number(to) === size - 1 ? { isDecoded, etag, start, size } : null;
}

/** The bytes of one body, as they come. */
export class ReceivedBody {
  readonly #peer: Peer;
  readonly #rope = new ByteRope();
  #head: FileHead | null = null;
  #etag: string | null = null;
  #length = 0;
  #fetched = 0;

  /** @param partial - what came before of the same peer. */
  constructor(peer: Peer, partial: PartialBody | null) {
    this.#peer = peer;
    if (partial === null) return;
    this.#rope.append(partial.bytes);
    this.#length = partial.bytes.byteLength;
    this.#etag = partial.etag;
  }

  /** Bytes that came by this request. */
  get fetched(): number {
    return this.#fetched;
  }

  /** Whether the HTTP client has decoded a `Content-Encoding`. */
  get isDecoded(): boolean {
    return this.#head?.isDecoded ?? false;
  }

  /** Bytes that came, with the head that they stand behind: one that begins at 0 replaces what came before. */
  append(head: FileHead, bytes: Uint8Array): void {
    if (head !== this.#head) this.#begin(head);
    this.#rope.append(bytes);
    this.#length += bytes.byteLength;
    this.#fetched += bytes.byteLength;
  }

  /** The whole body; nothing is left. */
  take(): Uint8Array {
    this.#length = 0;
    return this.#rope.take();
  }

  /** A copy of what is here, to go on from; `null` where the rest can't be asked for by itself. */
  get partial(): PartialBody | null {
    if (this.#etag === null || this.#length === 0) return null;
    return { peer: this.#peer, etag: this.#etag, bytes: this.#rope.peek() };
  }

  #begin(head: FileHead): void {
    this.#head = head;
    this.#etag = head.isDecoded ? null : head.etag;
    if (head.start > 0) return;
    this.#rope.clear();
    this.#length = 0;
  }
}
