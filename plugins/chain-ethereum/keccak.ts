import { WebAssembly } from '../../src/internal/web-assembly.js';
import { KECCAK_WASM } from './keccak-wasm.js';

/** What the module exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Where what is hashed is put, and where the hash is afterwards. */
  Hash_GetBuffer(): number;
  Hash_Init(bits: number): void;
  Hash_Update(bytes: number): void;
  Hash_Final(padding: number): void;
}

interface Hasher extends Exports {
  readonly buffer: Buffer;
}

/** How much the module's buffer takes. */
const BUFFER_BYTES = 16 * 1024;
const BITS = 256;
/** Keccak's own; SHA-3 has another one. */
const PADDING = 0x01;

/** One for all: each hash is begun anew. Compiled at the first hash, and at once, so that rules can hash without waiting. */
let shared: Hasher | null = null;

/** Keccak-256 as a `0x` string. */
export function keccak(bytes: Uint8Array): string {
  return `0x${hashed(bytes).toString('hex', 0, BITS / 8)}`;
}

/** Keccak-256. */
export function keccakBytes(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(hashed(bytes), 0, BITS / 8);
}

/** Bytes as a `0x` string. */
export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}

/** The buffer that begins with the hash, until the next one. */
function hashed(bytes: Uint8Array): Buffer {
  const hasher = (shared ??= makeHasher());
  hasher.Hash_Init(BITS);
  for (let start = 0; start < bytes.length; start += BUFFER_BYTES) {
    const chunk = bytes.subarray(start, start + BUFFER_BYTES);
    hasher.buffer.set(chunk);
    hasher.Hash_Update(chunk.length);
  }
  hasher.Hash_Final(PADDING);
  return hasher.buffer;
}

function makeHasher(): Hasher {
  const module = new WebAssembly.Module(Buffer.from(KECCAK_WASM, 'base64'));
  const exports = new WebAssembly.Instance(module).exports as Exports;
  const buffer = Buffer.from(exports.memory.buffer, exports.Hash_GetBuffer(), BUFFER_BYTES);
  return { ...exports, buffer };
}
