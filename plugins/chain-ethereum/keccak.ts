import { createKeccak } from 'hash-wasm';

/** Compiled when the rules are loaded, so that they can hash without waiting. One for all: each hash is begun anew. */
const hasher = await createKeccak(256);

/** Keccak-256 as a `0x` string. */
export function keccak(bytes: Uint8Array): string {
  return `0x${hasher.init().update(bytes).digest('hex')}`;
}

/** Keccak-256. */
export function keccakBytes(bytes: Uint8Array): Uint8Array {
  return hasher.init().update(bytes).digest('binary');
}

/** Bytes as a `0x` string. */
export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}
