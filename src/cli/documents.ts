import { isSyncError, SyncError } from '../errors/index.js';
import { DocumentSplitter } from '../internal/json/index.js';
import { decoded } from './input-codec.js';
import { type Line, readLines } from './ndjson.js';

const ARRAY = 0x5b;
const OBJECT_END = 0x7d;
const BOM = [0xef, 0xbb, 0xbf] as const;

/** How documents are read. */
export interface DocumentOptions {
  /** Of the input, for messages. */
  readonly name: string;
  /** Longest document. */
  readonly maxBytes: number;
}

/**
 * Reads the JSON documents of an input in the forms that files come in: one a line or the elements of one array, with line
 * ends of LF or CR LF, with blank lines, a byte order mark, gzip, and zstd where Node has it. What is between documents is
 * left out, their own bytes are as they stand there.
 *
 * @returns one array for each chunk that ends a document; `null` in place of a line that is longer than allowed.
 * @throws SyncError `INPUT_MALFORMED` for another compression; `BLOCK_MALFORMED`, `BLOCK_TOO_LARGE` for what is no array
 *   of documents, and for a document over several lines: its message says what makes it one line
 */
export async function* readDocuments(
  source: AsyncIterable<Uint8Array>,
  options: DocumentOptions,
): AsyncGenerator<readonly Line[], void, undefined> {
  const text = new Text(decoded(source, options.name));
  const first = await text.firstByte();
  if (first === ARRAY) yield* elements(text.chunks(), options);
  else yield* documentLines(text.chunks(), options);
}

/** A text whose first bytes are looked at. */
class Text {
  readonly #source: AsyncGenerator<Uint8Array, void, undefined>;
  #begun: Uint8Array = new Uint8Array();

  constructor(source: AsyncGenerator<Uint8Array, void, undefined>) {
    this.#source = source;
  }

  /** The first byte that is neither white space nor of a byte order mark, which are dropped; `null` for none. */
  async firstByte(): Promise<number | null> {
    await this.#skipMark();
    for (;;) {
      const at = this.#begun.findIndex((byte) => !isSpace(byte));
      if (at >= 0) {
        this.#begun = this.#begun.subarray(at);
        return this.#begun[0] ?? null;
      }
      const next = await this.#source.next();
      if (next.done === true) return null;
      this.#begun = next.value;
    }
  }

  /** Drops a byte order mark; a text may be shorter than one. */
  async #skipMark(): Promise<void> {
    while (this.#begun.length < BOM.length) {
      const next = await this.#source.next();
      if (next.done === true) return;
      this.#begun = Buffer.concat([this.#begun, next.value]);
    }
    if (BOM.every((byte, at) => this.#begun[at] === byte)) this.#begun = this.#begun.subarray(BOM.length);
  }

  /** The text from there on. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#begun.length > 0) yield this.#begun;
    yield* this.#source;
  }
}

async function* documentLines(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, name }: DocumentOptions,
): AsyncGenerator<readonly Line[], void, undefined> {
  let isFirst = true;
  // Room for the carriage return.
  for await (const lines of readLines(chunks, maxBytes + 1)) {
    const documents = lines
      .map((line) => (line === null ? null : trimmed(line)))
      .filter((line) => line?.length !== 0)
      .map((line) => (line !== null && line.length > maxBytes ? null : line));
    const [first] = documents;
    if (first === undefined) continue;
    if (isFirst && first !== null && first.at(-1) !== OBJECT_END) throw spread(name, '.');
    isFirst = false;
    yield documents;
  }
}

async function* elements(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, name }: DocumentOptions,
): AsyncGenerator<readonly Line[], void, undefined> {
  const splitter = new DocumentSplitter({
    form: 'array',
    maxDocumentBytes: maxBytes,
    heightOf: (index) => index,
  });
  let found: Line[] = [];
  const step = (run: () => void): SyncError | null => {
    try {
      run();
      return null;
    } catch (error) {
      if (!isSyncError(error)) throw error;
      return arrayError(error, { name, maxBytes }, splitter.count);
    }
  };
  for await (const chunk of chunks) {
    const failure = step(() => {
      splitter.push(chunk, (document) => found.push(document));
    });
    if (found.length > 0) yield found;
    found = [];
    if (failure !== null) throw failure;
  }
  const failure = step(() => {
    splitter.end();
  });
  if (failure !== null) throw failure;
}

function arrayError(error: SyncError, { name, maxBytes }: DocumentOptions, index: number): SyncError {
  const because = { cause: error };
  if (error.code === 'EVENT_TOO_LARGE')
    return new SyncError(
      'BLOCK_TOO_LARGE',
      `Element ${index} of ${name} has more than ${maxBytes} bytes.`,
      because,
    );
  if (error.code === 'STREAM_TRUNCATED')
    return new SyncError(
      'BLOCK_MALFORMED',
      `The array in ${name} does not end; it has ${index} whole elements.`,
      because,
    );
  if (/line break/.test(error.message)) return spread(name, '.[]', because);
  const message = `What stands in ${name} behind ${index} elements is no element of an array of objects.`;
  return new SyncError('BLOCK_MALFORMED', message, because);
}

function spread(name: string, filter: string, because: { readonly cause?: unknown } = {}): SyncError {
  const message = `A document in ${name} is spread over several lines, or is no object; \`jq -c '${filter}'\` writes one a line, with the numbers as jq spells them.`;
  return new SyncError('BLOCK_MALFORMED', message, because);
}

function trimmed(line: Uint8Array): Uint8Array {
  let end = line.length;
  while (end > 0 && isSpace(line[end - 1] ?? 0)) end--;
  // White space that belongs to no line end is a fault of the document, which its reader names.
  return end === 0 ? line.subarray(0, 0) : line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
