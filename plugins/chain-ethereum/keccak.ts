import { module } from './module.js';

const HASH_BYTES = 32;

/** Keccak-256 as a `0x` string. */
export function keccak(bytes: Uint8Array): string {
  return toHex(hashed(bytes));
}

/** Keccak-256. */
export function keccakBytes(bytes: Uint8Array): Uint8Array {
  return hashed(bytes).slice();
}

/** Bytes as a `0x` string. */
export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}

/** The hash, until the next one. */
function hashed(bytes: Uint8Array): Uint8Array {
  const wasm = module();
  const { input } = wasm;
  wasm.keccakBegin();
  for (let start = 0; start < bytes.length; start += input.length) {
    const chunk = bytes.subarray(start, start + input.length);
    input.set(chunk);
    wasm.keccakAbsorb(chunk.length);
  }
  return new Uint8Array(wasm.memory.buffer, wasm.keccakEnd(), HASH_BYTES);
}
