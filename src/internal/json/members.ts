import { nameEquals } from './names.js';
import { readString } from './read.js';
import type { Span } from './span.js';

/** Collects the members of one object, the wanted ones or all. */
export class MemberList {
  readonly spans = new Map<string, Span>();
  readonly duplicates = new Map<string, number>();
  count = 0;
  readonly #bytes: Uint8Array;
  readonly #wanted: readonly string[] | undefined;

  constructor(bytes: Uint8Array, wanted: readonly string[] | undefined) {
    this.#bytes = bytes;
    this.#wanted = wanted;
  }

  /** Adds the member with the name, checked and in its quotes, from `name` to `nameEnd`, and the value behind it. */
  add(name: number, nameEnd: number, value: number, valueEnd: number): void {
    this.count++;
    const text =
      this.#wanted === undefined ? this.#read(name, nameEnd) : this.#find(name, nameEnd, this.#wanted);
    if (text === null) return;
    if (!this.spans.has(text)) this.spans.set(text, { start: value, end: valueEnd });
    else if (!this.duplicates.has(text)) this.duplicates.set(text, name);
  }

  #read(start: number, end: number): string | null {
    return readString(this.#bytes, { start, end });
  }

  #find(start: number, end: number, wanted: readonly string[]): string | null {
    const bytes = this.#bytes;
    for (const text of wanted) {
      if (nameEquals(bytes, start + 1, end - 1, text)) return text;
    }
    return null;
  }
}
