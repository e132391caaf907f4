import { quickView, utf8Bytes } from '#platform/bytes';
import { SyncError } from '../../../src/errors/index.js';
import { ByteRope } from '../../../src/internal/byte-rope.js';

/** One event of a stream. */
export interface SseEvent {
  /** `message` when the stream names none. */
  readonly type: string;
  /** The data lines, joined by LF. May be a view of the chunk that it came in. */
  readonly data: Uint8Array;
  /** The event's own `id` field; `null` when it has none. */
  readonly id: string | null;
}

type Field = 'name' | 'data' | 'event' | 'id' | 'retry' | 'ignored' | 'comment';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BOM = [0xef, 0xbb, 0xbf] as const;
const LINE_FEED = Uint8Array.of(LF);
const LONGEST_NAME = 'event'.length;
const BLOCK = 'block';
const BLOCK_START = utf8Bytes(`event: ${BLOCK}\nid: `);
const DATA_START = utf8Bytes('\ndata: ');
/** Of a height (protocol section 1.3). */
const MAX_DIGITS = 16;
/** Longest line that is no data: ids are heights and event names are words. */
const MAX_FIELD_LINE_BYTES = 4096;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Incremental parser of `text/event-stream` (WHATWG HTML, section 9.2.6 "Interpreting an event stream") over bytes: data
 * is never decoded to text. Time is linear in the input; data that comes in one piece is not copied, other data once.
 * An event counts only with the empty line that ends it.
 */
export class SseParser {
  readonly #maxEventBytes: number;
  readonly #maxDataBytes: (type: string) => number;
  #retryMs: number | null = null;

  #bomBytes = 0;
  #afterCr = false;
  // The current line.
  #lineBytes = 0;
  #field: Field = 'name';
  #name = '';
  #atValueStart = false;
  readonly #value = new ByteRope();
  // The current event.
  #eventBytes = 0;
  #type = '';
  #ownId: string | null = null;
  #dataLines = 0;
  readonly #data = new ByteRope();
  #dataBytes = 0;

  /**
   * @param maxEventBytes - largest event: all its lines but the comments, and the line ends between them. Also the
   * longest comment.
   * @param maxDataBytes - most data of an event of a type, `''` while it has none; 0 for data that nobody wants, which is
   * not held. Default: what an event may have.
   */
  constructor(maxEventBytes: number, maxDataBytes: (type: string) => number = () => maxEventBytes) {
    this.#maxEventBytes = maxEventBytes;
    this.#maxDataBytes = maxDataBytes;
  }

  /** The last `retry` field in milliseconds, as it came; `null` when there was none. */
  get retryMs(): number | null {
    return this.#retryMs;
  }

  /**
   * Takes the next bytes, cut anywhere, and calls `emit` for each event that they complete. An error that `emit` throws
   * passes through; the parser can't be used after an error.
   *
   * @throws SyncError `EVENT_TOO_LARGE`; `PROTOCOL_VIOLATION` for a line of an id, a name or `retry` that is too long, and
   * for more data than a type may have
   */
  push(chunk: Uint8Array, emit: (event: SseEvent) => void): void {
    const lines = new LineEnds(chunk);
    let at = this.#skipBom(chunk);
    while (at < chunk.length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (chunk[at] === LF && ++at === chunk.length) return;
      }
      const whole = this.isBetweenEvents ? this.#takeWhole(chunk, at, lines, emit) : at;
      if (whole > at) {
        at = whole;
        continue;
      }
      const end = lines.next(at);
      if (end > at) this.#takePart(chunk, at, end);
      if (end === chunk.length) return;
      this.#endLine(emit);
      this.#afterCr = chunk[end] === CR;
      at = end + 1;
    }
  }

  /** Whether all that came belongs to events that are whole, or to comments. */
  get isBetweenEvents(): boolean {
    return this.#lineBytes === 0 && this.#eventBytes === 0;
  }

  /**
   * Takes a block in the form that servers of this project write, when all of it is in the chunk: nearly all events are
   * such, and line by line they take three times as long.
   *
   * @returns the position after the event; the one where it began when it is another, and nothing was taken.
   */
  #takeWhole(chunk: Uint8Array, at: number, lines: LineEnds, emit: (event: SseEvent) => void): number {
    const idAt = at + BLOCK_START.length;
    if (!startsWith(chunk, at, chunk.length, BLOCK_START)) return at;
    const idEnd = digitsEnd(chunk, idAt);
    const dataAt = idEnd + DATA_START.length;
    if (idEnd === idAt || !startsWith(chunk, idEnd, chunk.length, DATA_START)) return at;
    const end = lines.feedBehind(dataAt);
    const isWhole = end > dataAt && chunk[end + 1] === LF && end - at <= this.#maxEventBytes;
    if (!isWhole || lines.returnBehind(dataAt) < end) return at;
    emit({ type: BLOCK, data: chunk.subarray(dataAt, end), id: shortText(chunk.subarray(idAt, idEnd)) });
    return end + 2;
  }

  /** Only the very first bytes of a stream can be a byte order mark. */
  #skipBom(chunk: Uint8Array): number {
    let at = 0;
    while (this.#bomBytes < BOM.length && at < chunk.length) {
      if (chunk[at] !== BOM[this.#bomBytes]) {
        // Half a mark is the start of a line with a field name that nobody knows.
        if (this.#bomBytes > 0) {
          this.#field = 'ignored';
          this.#lineBytes = this.#bomBytes;
        }
        this.#bomBytes = BOM.length;
        return at;
      }
      this.#bomBytes++;
      at++;
    }
    return at;
  }

  #takePart(chunk: Uint8Array, from: number, end: number): void {
    this.#lineBytes += end - from;
    const at = this.#field === 'name' ? this.#takeName(chunk, from, end) : from;
    this.#checkSize();
    if (this.#field !== 'name' && this.#field !== 'ignored' && this.#field !== 'comment') {
      this.#takeValue(chunk, at, end);
    }
  }

  /** Returns where the value starts. */
  #takeName(chunk: Uint8Array, from: number, end: number): number {
    const known = this.#name === '' ? knownField(chunk, from, end) : null;
    if (known !== null) {
      this.#name = known;
      this.#setField();
      this.#atValueStart = true;
      return from + known.length + 1;
    }
    for (let at = from; at < end; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === COLON) {
        this.#setField();
        this.#atValueStart = true;
        return at + 1;
      }
      if (this.#name.length === LONGEST_NAME) {
        this.#field = 'ignored';
        return end;
      }
      this.#name += String.fromCharCode(byte);
    }
    return end;
  }

  #takeValue(chunk: Uint8Array, from: number, end: number): void {
    let at = from;
    if (this.#atValueStart && at < end) {
      this.#atValueStart = false;
      if (chunk[at] === SPACE) at++;
    }
    if (at === end) return;
    const bytes = chunk.subarray(at, end);
    if (this.#field === 'data') this.#takeData(bytes);
    else this.#value.append(bytes);
  }

  #takeData(bytes: Uint8Array): void {
    const most = this.#maxDataBytes(this.#type);
    if (most === 0) return;
    this.#dataBytes += bytes.length;
    if (this.#dataBytes > most) {
      // What has a bound of its own has that of the protocol; the other one is this node's.
      const code = most < this.#maxEventBytes ? 'PROTOCOL_VIOLATION' : 'EVENT_TOO_LARGE';
      const type = this.#type || 'message';
      throw new SyncError(code, `The data of an event of type ${type} has more than ${most} bytes.`);
    }
    this.#data.append(bytes);
  }

  #setField(): void {
    this.#field = fieldOf(this.#name);
    if (this.#field === 'data' && this.#dataLines++ > 0) this.#takeData(LINE_FEED);
  }

  #checkSize(): void {
    const short = this.#field === 'id' || this.#field === 'event' || this.#field === 'retry';
    if (short && this.#lineBytes > MAX_FIELD_LINE_BYTES) {
      const limit = `the limit is ${MAX_FIELD_LINE_BYTES} bytes`;
      throw new SyncError('PROTOCOL_VIOLATION', `The ${this.#field} line of an event is too long; ${limit}.`);
    }
    if (this.#eventBytes + this.#lineBytes > this.#maxEventBytes) {
      throw new SyncError('EVENT_TOO_LARGE', `An event has more than ${this.#maxEventBytes} bytes.`);
    }
  }

  #endLine(emit: (event: SseEvent) => void): void {
    if (this.#lineBytes === 0) {
      this.#endEvent(emit);
      return;
    }
    if (this.#field === 'name') this.#setField();
    this.#endField();
    if (this.#field !== 'comment') this.#eventBytes += this.#lineBytes + 1;
    this.#lineBytes = 0;
    this.#field = 'name';
    this.#name = '';
    this.#atValueStart = false;
  }

  #endField(): void {
    if (this.#field === 'event') this.#type = shortText(this.#value.take());
    else if (this.#field === 'id') this.#setId(shortText(this.#value.take()));
    else if (this.#field === 'retry') this.#setRetry(shortText(this.#value.take()));
  }

  #setId(id: string): void {
    if (!id.includes('\0')) this.#ownId = id;
  }

  #setRetry(digits: string): void {
    if (/^[0-9]+$/.test(digits)) this.#retryMs = Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
  }

  #endEvent(emit: (event: SseEvent) => void): void {
    const type = this.#type === '' ? 'message' : this.#type;
    const id = this.#ownId;
    const complete = this.#dataLines > 0;
    this.#type = '';
    this.#ownId = null;
    this.#eventBytes = 0;
    this.#dataLines = 0;
    this.#dataBytes = 0;
    if (complete) emit({ type, data: this.#data.take(), id });
  }
}

function fieldOf(name: string): Field {
  switch (name) {
    case '':
      return 'comment';
    case 'data':
    case 'event':
    case 'id':
    case 'retry':
      return name;
    default:
      return 'ignored';
  }
}

const FIELD_NAMES = ['data', 'id', 'event', 'retry'].map((name) => ({
  name,
  bytes: utf8Bytes(`${name}:`),
}));

/** The field whose name and colon stand at a position; `null` when there is no such one, or not all of it yet. */
function knownField(chunk: Uint8Array, from: number, end: number): string | null {
  for (const { name, bytes } of FIELD_NAMES) {
    if (chunk[from] === bytes[0] && startsWith(chunk, from, end, bytes)) return name;
  }
  return null;
}

function startsWith(chunk: Uint8Array, from: number, end: number, wanted: Uint8Array): boolean {
  if (end - from < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (chunk[from + i] !== wanted[i]) return false;
  }
  return true;
}

/** Where digits end that begin at a position, or those that a height can have do. */
function digitsEnd(chunk: Uint8Array, from: number): number {
  let at = from;
  for (let byte = chunk[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = chunk[at] ?? 0) {
    if (++at - from === MAX_DIGITS) break;
  }
  return at;
}

/** Types and ids are a few letters and digits; for them a decoder's call costs more than its work. */
function shortText(bytes: Uint8Array): string {
  if (bytes.length > 16) return utf8.decode(bytes);
  let text = '';
  for (const byte of bytes) {
    if (byte > 0x7f) return utf8.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Finds the line ends of one chunk; looks at each byte once for each kind of line end. */
class LineEnds {
  readonly #bytes: Uint8Array;
  #lf = -1;
  #cr = -1;

  constructor(chunk: Uint8Array) {
    this.#bytes = quickView(chunk);
  }

  /** The next LF or CR at or after `from`; the chunk's length when there is none. */
  next(from: number): number {
    if (this.#lf < from) this.#lf = this.#find(LF, from);
    if (this.#cr < from) this.#cr = this.#find(CR, from);
    return Math.min(this.#lf, this.#cr);
  }

  /** The next LF at or after `from`; the chunk's length when there is none. {@link next} may be asked for less later. */
  feedBehind(from: number): number {
    return this.#find(LF, from);
  }

  /** The next CR at or after `from`, when there is none between what is asked for later and this. */
  returnBehind(from: number): number {
    if (this.#cr < from) this.#cr = this.#find(CR, from);
    return this.#cr;
  }

  #find(byte: number, from: number): number {
    const found = this.#bytes.indexOf(byte, from);
    return found < 0 ? this.#bytes.length : found;
  }
}
