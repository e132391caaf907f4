import { WebAssembly } from '../web-assembly.js';
import type { MemberList } from './members.js';
import type { Span } from './span.js';
import { WASM } from './wasm.js';

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

/** One instance of the WebAssembly module (`native/`), which scans documents that are in order. Its memory never grows. */
export class QuickScan {
  readonly #exports: Exports;
  readonly #input: Uint8Array;
  readonly #table: Uint32Array;
  /** Where the last object that was scanned ends. */
  readonly #end: Uint32Array;

  /** @throws what the runtime throws where WebAssembly or its SIMD is missing or switched off */
  constructor() {
    const module = new WebAssembly.Module(Uint8Array.from(atob(WASM), (char) => char.charCodeAt(0)));
    this.#exports = new WebAssembly.Instance(module).exports as Exports;
    const { buffer } = this.#exports.memory;
    this.#input = new Uint8Array(buffer, this.#exports.inputAt(), this.#exports.inputBytes());
    this.#table = new Uint32Array(buffer, this.#exports.membersAt());
    this.#end = new Uint32Array(buffer, this.#exports.endAt(), 1);
  }

  /**
   * Adds the members of an object, if it is one and within what the module can hold.
   *
   * @param span - where it is; it begins and ends with braces.
   * @returns whether it is; if not, nothing was added, and why is for the other scan to say.
   */
  addMembers(bytes: Uint8Array, { start, end }: Span, maxDepth: number, members: MemberList): boolean {
    const length = end - start;
    if (length >= this.#input.length || maxDepth > MAX_LEVELS) return false;
    this.#input.set(length === bytes.length ? bytes : bytes.subarray(start, end));
    this.#input[length] = 0;
    const words = this.#exports.scan(0, maxDepth) * MEMBER_WORDS;
    if (words < 0 || this.#end[0] !== length) return false;
    for (let at = 0; at < words; at += MEMBER_WORDS) {
      members.add(
        start + this.#word(at),
        start + this.#word(at + 1),
        start + this.#word(at + 2),
        start + this.#word(at + 3),
      );
    }
    return true;
  }

  #word(at: number): number {
    return this.#table[at] as number;
  }
}

let instance: QuickScan | null | undefined;

/** The thread's instance, made at the first use; `null` where the runtime has no WebAssembly with SIMD. */
export function quickScan(): QuickScan | null {
  if (instance === undefined) instance = made();
  return instance;
}

function made(): QuickScan | null {
  try {
    return new QuickScan();
  } catch {
    return null;
  }
}
