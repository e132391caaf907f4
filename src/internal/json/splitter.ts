import { SyncError } from '../../errors/index.js';
import { ByteRope } from '../byte-rope.js';
import { ElementEnd } from './element-end.js';

const LF = 0x0a;
const CR = 0x0d;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;
const OBJECT = 0x7b;
const COMMA = 0x2c;

/** `array`: one JSON array. `lines`: one document a line. */
export type SplitForm = 'array' | 'lines';

/** How a {@link DocumentSplitter} is to read. */
export interface SplitterOptions {
  readonly form: SplitForm;
  /** Largest document, in bytes. */
  readonly maxDocumentBytes: number;
  /** Height that a message names for the document with this index, from 0. */
  readonly heightOf: (index: number) => number;
}

/** What may come next. `first` is an element or the end of an empty array, `line` is the end of a line. */
type State = 'begin' | 'first' | 'element' | 'inside' | 'comma' | 'line' | 'end';

/**
 * Cuts a body of JSON documents into the documents as the bytes come, without building values. It finds where each one
 * ends by its strings and brackets; whether what lies between is well formed is for the chain rules to say.
 *
 * White space may stand between documents, but no line break inside one (protocol section 1.1).
 */
export class DocumentSplitter {
  readonly #options: SplitterOptions;
  readonly #held = new ByteRope();
  readonly #element = new ElementEnd();
  #heldBytes = 0;
  #state: State;
  #count = 0;

  constructor(options: SplitterOptions) {
    this.#options = options;
    this.#state = options.form === 'array' ? 'begin' : 'element';
  }

  /** Documents found so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes the next bytes and calls back with each document that they complete. The bytes must not change afterwards.
   *
   * @throws SyncError `PROTOCOL_VIOLATION`, `EVENT_TOO_LARGE`; the documents before were called back with
   */
  push(chunk: Uint8Array, onDocument: (document: Uint8Array) => void): void {
    let i = 0;
    while (i < chunk.length) {
      if (this.#state === 'inside') i = this.#inside(chunk, i, onDocument);
      else i = this.#between(chunk, i);
    }
  }

  /** Says that the body has ended. @throws SyncError `STREAM_TRUNCATED` when that is too early */
  end(): void {
    const { form } = this.#options;
    const whole = form === 'array' ? this.#state === 'end' : this.#state !== 'inside';
    if (whole) return;
    const message = `The response ended before its ${form === 'array' ? 'array' : 'last line'} did, at block ${this.#height}.`;
    throw new SyncError('STREAM_TRUNCATED', message, { height: this.#height });
  }

  get #height(): number {
    return this.#options.heightOf(this.#count);
  }

  /** @returns the position of the next byte that is not taken yet */
  #between(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] as number;
    if (this.#state === 'begin') {
      if (byte !== ARRAY) throw this.#broken('the response does not start with an array');
      this.#state = 'first';
    } else if (isSpace(byte)) {
      if (byte === LF && this.#state === 'line') this.#state = 'element';
    } else if (byte === OBJECT && (this.#state === 'first' || this.#state === 'element')) {
      this.#state = 'inside';
      return at;
    } else this.#punctuation(byte);
    return at + 1;
  }

  #punctuation(byte: number): void {
    if (byte === COMMA && this.#state === 'comma') this.#state = 'element';
    else if (byte === ARRAY_END && (this.#state === 'first' || this.#state === 'comma')) this.#state = 'end';
    else throw this.#broken(EXPECTED[this.#state]);
  }

  /** @returns the position after the document, or the end of the chunk */
  #inside(chunk: Uint8Array, from: number, onDocument: (document: Uint8Array) => void): number {
    const to = this.#element.scan(chunk, from);
    if (this.#element.fault !== null) throw this.#broken(this.#element.fault);
    this.#hold(chunk, from, to);
    if (this.#element.open) return to;
    this.#heldBytes = 0;
    this.#state = this.#options.form === 'array' ? 'comma' : 'line';
    this.#count++;
    onDocument(this.#held.take());
    return to;
  }

  #hold(chunk: Uint8Array, from: number, to: number): void {
    const { maxDocumentBytes } = this.#options;
    this.#heldBytes += to - from;
    if (this.#heldBytes > maxDocumentBytes) {
      const message = `Block ${this.#height} has more than ${maxDocumentBytes} bytes.`;
      throw new SyncError('EVENT_TOO_LARGE', message, { height: this.#height });
    }
    this.#held.append(chunk.subarray(from, to));
  }

  #broken(what: string): SyncError {
    const message = `The response breaks the protocol at block ${this.#height}: ${what}.`;
    return new SyncError('PROTOCOL_VIOLATION', message, { height: this.#height });
  }
}

const EXPECTED: Readonly<Record<State, string>> = {
  begin: 'the response does not start with an array',
  first: 'what stands in the array is not an object',
  element: 'where a document should begin there is none',
  inside: 'the document does not end',
  comma: 'documents are not separated by a comma',
  line: 'more stands behind a document on its line',
  end: 'something follows the array',
};

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LF || byte === CR || byte === 0x09;
}
