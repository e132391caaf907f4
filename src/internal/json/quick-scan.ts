import { WASM } from '#platform/json-wasm';
import { WebAssembly } from '../web-assembly.js';
import type { Document, ScanOptions } from './document.js';
import { MemberList } from './members.js';
import type { Span } from './span.js';

/** The module keeps the kinds of open brackets in one word. */
const MAX_LEVELS = 64;
/** Words of a member in the module's table: start and end of its name, start and end of its value. */
const MEMBER_WORDS = 4;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  inputAt(): number;
  inputBytes(): number;
  membersAt(): number;
  endAt(): number;
  /** @returns how many members the object has; negative when it is refused, or has more than the table holds */
  scan(start: number, maxDepth: number): number;
}

/**
 * One instance of the WebAssembly module (`native/`), which scans documents that are in order. It says of no other what is
 * wrong with it, nor that anything is: some are only too large for it. Its memory never grows.
 */
export class QuickScan {
  /** What is scanned, from its beginning; until the next {@link load}. */
  readonly input: Uint8Array;
  readonly #exports: Exports;
  readonly #table: Uint32Array;
  /** Where the last object ends that was taken. */
  readonly #end: Uint32Array;

  /**
   * @param wasm - the module, in base64.
   * @throws what the runtime throws where WebAssembly or its SIMD is missing or switched off
   */
  constructor(wasm: string) {
    const module = new WebAssembly.Module(Uint8Array.from(atob(wasm), (char) => char.charCodeAt(0)));
    this.#exports = new WebAssembly.Instance(module).exports as Exports;
    const { buffer } = this.#exports.memory;
    this.input = new Uint8Array(buffer, this.#exports.inputAt(), this.#exports.inputBytes());
    this.#table = new Uint32Array(buffer, this.#exports.membersAt());
    this.#end = new Uint32Array(buffer, this.#exports.endAt(), 1);
  }

  /** Copies bytes into the input. @returns whether there is room for them */
  load(bytes: Uint8Array): boolean {
    if (bytes.length >= this.input.length) return false;
    this.input.set(bytes);
    this.input[bytes.length] = 0;
    return true;
  }

  /** Scans the object that begins at a place of the input; `null` when it is not taken. More may stand behind it. */
  objectAt(start: number, { maxDepth, names }: ScanOptions): Document | null {
    const count = maxDepth > MAX_LEVELS ? -1 : this.#exports.scan(start, maxDepth);
    if (count < 0) return null;
    const members = new MemberList(this.input, names);
    this.#add(count, 0, members);
    const span = { start, end: this.#end[0] as number };
    return { bytes: this.input, span, count, members: members.spans, duplicates: members.duplicates };
  }

  /**
   * Adds the members of an object, with offsets in its own bytes.
   *
   * @param span - where it is, if it is one.
   * @returns whether it was taken; if not, nothing was added.
   */
  addMembers(bytes: Uint8Array, { start, end }: Span, maxDepth: number, members: MemberList): boolean {
    const length = end - start;
    if (maxDepth > MAX_LEVELS || !this.load(length === bytes.length ? bytes : bytes.subarray(start, end)))
      return false;
    const count = this.#exports.scan(0, maxDepth);
    if (count < 0 || this.#end[0] !== length) return false;
    this.#add(count, start, members);
    return true;
  }

  #add(count: number, shift: number, members: MemberList): void {
    const table = this.#table;
    for (let at = 0; at < count * MEMBER_WORDS; at += MEMBER_WORDS) {
      const name = table[at] as number;
      const nameEnd = table[at + 1] as number;
      const value = table[at + 2] as number;
      const valueEnd = table[at + 3] as number;
      members.add(shift + name, shift + nameEnd, shift + value, shift + valueEnd);
    }
  }
}

let instance: QuickScan | null | undefined;

/** The thread's instance, made at the first use; `null` where the runtime has no WebAssembly with SIMD. */
export function quickScan(): QuickScan | null {
  if (instance === undefined) instance = made();
  return instance;
}

function made(): QuickScan | null {
  const wasm: string | null = WASM;
  try {
    return wasm === null ? null : new QuickScan(wasm);
  } catch {
    return null;
  }
}
