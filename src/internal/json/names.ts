import { HEX_VALUE } from './tables.js';

const BACKSLASH = 0x5c;

/** Names that are looked for among the members of objects, by their first character. */
export class NameSet {
  readonly #names: readonly string[];
  /** For each ASCII character the names that begin with it. */
  readonly #byFirst: readonly (readonly string[])[];

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#byFirst = Array.from({ length: 0x80 }, (_, code) =>
      names.filter((name) => name.charCodeAt(0) === code),
    );
  }

  /** The name that is spelled from one position to another, without its quotes; `null` when it is none of these. */
  find(bytes: Uint8Array, start: number, end: number): string | null {
    const first = start < end ? (bytes[start] as number) : BACKSLASH;
    // An escape may stand for any character.
    const candidates = first === BACKSLASH ? this.#names : (this.#byFirst[first] ?? this.#names);
    for (const name of candidates) {
      if (nameEquals(bytes, start, end, name)) return name;
    }
    return null;
  }
}

const sets = new WeakMap<readonly string[], NameSet>();

/** The set of an array of names; made once for each array, which must not be changed. */
export function nameSetOf(names: readonly string[]): NameSet {
  const known = sets.get(names);
  if (known !== undefined) return known;
  const made = new NameSet(names);
  sets.set(names, made);
  return made;
}

/**
 * Whether a name, checked and without its quotes, spells a text, through all its escapes. Allocates nothing, so that a
 * document made of names costs hardly more than any other of its size.
 */
function nameEquals(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start < text.length) return false;
  let i = start;
  let at = 0;
  while (i < end) {
    const point = pointAt(bytes, i);
    const wide = point > 0xffff;
    if (point !== (wide ? text.codePointAt(at) : text.charCodeAt(at))) return false;
    at += wide ? 2 : 1;
    i += lengthAt(bytes, i);
  }
  return at === text.length;
}

/** The character, or the UTF-16 unit in an escape, that starts at a position. */
function pointAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead === 0x5c) return escapedAt(bytes, at + 1);
  if (lead < 0x80) return lead;
  let point = lead & (lead < 0xe0 ? 0x1f : lead < 0xf0 ? 0x0f : 0x07);
  const next = at + lengthAt(bytes, at);
  for (let i = at + 1; i < next; i++) point = (point << 6) | ((bytes[i] as number) & 0x3f);
  return point;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead === 0x5c) return bytes[at + 1] === 0x75 ? 6 : 2;
  if (lead < 0x80) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

const SHORT_ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

function escapedAt(bytes: Uint8Array, at: number): number {
  const letter = bytes[at] as number;
  if (letter !== 0x75) return SHORT_ESCAPES.get(letter) ?? letter;
  let unit = 0;
  for (let i = at + 1; i <= at + 4; i++) unit = (unit << 4) | (HEX_VALUE[bytes[i] as number] as number);
  return unit;
}
