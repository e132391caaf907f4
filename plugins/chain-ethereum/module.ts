import { WebAssembly } from '../../src/internal/web-assembly.js';
import { WASM } from './wasm.js';

/** What the WebAssembly module (`native/`) exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  inputAt(): number;
  inputBytes(): number;
  headersAt(): number;
  /** @returns how many blocks are in so many bytes of the input, with what is said of them in the table; 0 when not all were proved */
  prove(bytes: number): number;
  keccakBegin(): void;
  /** Takes so many bytes of the input. */
  keccakAbsorb(bytes: number): void;
  /** @returns where the hash is, until the next one is begun */
  keccakEnd(): number;
}

/** An instance of the module. Its memory never grows. */
export interface Module extends Exports {
  /** What is worked on, until the next call. */
  readonly input: Buffer;
}

let instance: Module | null = null;

/** The thread's instance, compiled at the first use, and at once, so that rules need not wait. */
export function module(): Module {
  return (instance ??= made());
}

function made(): Module {
  const compiled = new WebAssembly.Module(Buffer.from(WASM, 'base64'));
  const exports = new WebAssembly.Instance(compiled).exports as Exports;
  const input = Buffer.from(exports.memory.buffer, exports.inputAt(), exports.inputBytes());
  return { ...exports, input };
}
