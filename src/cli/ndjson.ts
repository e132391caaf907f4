const LF = 0x0a;

/** One line without its line feed; `null` in place of a line that is longer than allowed, whose bytes are dropped. */
export type Line = Uint8Array | null;

/**
 * Splits bytes into lines as they come: one array for each chunk that ends at least one line, nothing held but the
 * line that has begun. A carriage return is a byte of the line. The last line needs no line feed; one empty line
 * at the very end is not a line.
 *
 * @param maxLineBytes - a longer line becomes `null` as soon as it is too long, before its end has come.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<readonly Line[], void, undefined> {
  const splitter = new LineSplitter(maxLineBytes);
  for await (const chunk of source) {
    const lines = splitter.push(chunk);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last.length > 0) yield last;
}

/** The state between two chunks: the line that has begun. */
class LineSplitter {
  readonly #maxLineBytes: number;
  #lines: Line[] = [];
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #skipping = false;
  /** An empty line is only handed out when something follows it. */
  #emptyHeld = false;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  push(chunk: Uint8Array): readonly Line[] {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.#take(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#take(chunk.subarray(start));
    return this.#flush();
  }

  end(): readonly Line[] {
    if (this.#bytes > 0) this.#endLine();
    return this.#flush();
  }

  #take(bytes: Uint8Array): void {
    if (this.#skipping || bytes.byteLength === 0) return;
    this.#bytes += bytes.byteLength;
    if (this.#bytes <= this.#maxLineBytes) {
      this.#parts.push(bytes);
      return;
    }
    this.#emit(null);
    this.#reset();
    this.#skipping = true;
  }

  #endLine(): void {
    if (this.#skipping) this.#skipping = false;
    else if (this.#bytes > 0) this.#emit(joined(this.#parts));
    else if (this.#emptyHeld) this.#lines.push(new Uint8Array());
    else this.#emptyHeld = true;
    this.#reset();
  }

  #emit(line: Line): void {
    if (this.#emptyHeld) this.#lines.push(new Uint8Array());
    this.#emptyHeld = false;
    this.#lines.push(line);
  }

  #reset(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  #flush(): readonly Line[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}
