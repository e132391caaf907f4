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

  /** @param name - the name in its quotes, checked. */
  add(name: Span, value: Span): void {
    this.count++;
    const text = this.#wanted === undefined ? readString(this.#bytes, name) : this.#match(name, this.#wanted);
    if (text === null) return;
    if (!this.spans.has(text)) this.spans.set(text, value);
    else if (!this.duplicates.has(text)) this.duplicates.set(text, name.start);
  }

  #match(name: Span, wanted: readonly string[]): string | null {
    for (const text of wanted) {
      if (nameEquals(this.#bytes, name, text)) return text;
    }
    return null;
  }
}
