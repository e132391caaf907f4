import { type NameSet, nameSetOf } from './names.js';
import { readString } from './read.js';
import type { Span } from './span.js';

/** Of nearly all documents; making one of their own took a tenth of the time of small ones. */
const NO_DUPLICATES: ReadonlyMap<string, number> = new Map();

/** Collects the members of one object, the wanted ones or all. */
export class MemberList {
  readonly spans = new Map<string, Span>();
  #duplicates: Map<string, number> | null = null;
  count = 0;
  readonly #bytes: Uint8Array;
  readonly #wanted: NameSet | null;

  constructor(bytes: Uint8Array, wanted: readonly string[] | undefined) {
    this.#bytes = bytes;
    this.#wanted = wanted === undefined ? null : nameSetOf(wanted);
  }

  get duplicates(): ReadonlyMap<string, number> {
    return this.#duplicates ?? NO_DUPLICATES;
  }

  /** Adds the member with the name, checked and in its quotes, from `name` to `nameEnd`, and the value behind it. */
  add(name: number, nameEnd: number, value: number, valueEnd: number): void {
    this.count++;
    const text =
      this.#wanted === null
        ? readString(this.#bytes, { start: name, end: nameEnd })
        : this.#wanted.find(this.#bytes, name + 1, nameEnd - 1);
    if (text === null) return;
    if (!this.spans.has(text)) this.spans.set(text, { start: value, end: valueEnd });
    else if (this.#duplicates?.has(text) !== true) (this.#duplicates ??= new Map()).set(text, name);
  }
}
