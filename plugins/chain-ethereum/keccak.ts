import { keccak_256 } from '@noble/hashes/sha3.js';

/** Keccak-256 as a `0x` string. */
export function keccak(bytes: Uint8Array): string {
  return toHex(keccak_256(bytes));
}

/** Bytes as a `0x` string. */
export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}
