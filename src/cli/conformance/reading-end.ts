import type { Reading } from './case.js';
import { Unmet } from './unmet.js';

const LF = 0x0a;

/** Finds where a body need not be read further, as its bytes come. Holds no more of a line than what it may begin with. */
export class ReadingEnd {
  readonly #reading: Reading;
  #length = 0;
  /** What the line that is not whole yet begins with. */
  #line = '';
  /** What a line has to begin with next; none of the body counts before the first. */
  readonly #due: string[];

  constructor(reading: Reading) {
    this.#reading = reading;
    this.#due = 'bytes' in reading ? [] : dueOf(reading);
  }

  /** Takes the next bytes; whether all is here that is to be read. */
  isEnough(piece: Uint8Array): boolean {
    this.#length += piece.length;
    if ('bytes' in this.#reading) return this.#length >= this.#reading.bytes;
    let start = 0;
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, start)) {
      if (this.#isDue(piece.subarray(start, end)) && this.#isLast()) return true;
      start = end + 1;
    }
    this.#hold(piece.subarray(start));
    return false;
  }

  /** @throws Unmet for a body that has ended before a line that was due */
  end(): void {
    if ('bytes' in this.#reading) return;
    const line = JSON.stringify(this.#reading.untilLine);
    throw new Unmet(`the stream ended before a line that begins with ${line}`);
  }

  #hold(part: Uint8Array): void {
    const room = MAX_BEGINNING - this.#line.length;
    if (room > 0) this.#line += Buffer.from(part.subarray(0, room)).toString('latin1');
  }

  /** Whether a line that ends here is one that is looked for. */
  #isDue(end: Uint8Array): boolean {
    const [due = EMPTY] = this.#due;
    // Most lines are whole in one piece, and differ in the first byte.
    if (this.#line === '' && end[0] !== (due === EMPTY ? undefined : due.charCodeAt(0))) return false;
    this.#hold(end);
    const line = this.#line;
    this.#line = '';
    return due === EMPTY ? line === EMPTY : line.startsWith(due);
  }

  #isLast(): boolean {
    this.#due.shift();
    return this.#due.length === 0;
  }
}

/** No line that is looked for begins with more. */
const MAX_BEGINNING = 64;
const EMPTY = '';

/** An event is whole with the empty line behind it. */
function dueOf({ untilLine, after }: Extract<Reading, { readonly untilLine: string }>): string[] {
  return [...(after === undefined ? [] : [after]), untilLine, ...(untilLine === ':' ? [] : [EMPTY])];
}
