import { CODECS } from '../internal/codecs.js';

/** Built-in stores that a configuration can name. */
export const STORAGE_NAMES = ['leveldb', 'postgres', 'memory'] as const;

/** Built-in chain rules that a configuration can name, and how their full names look. */
export const CHAIN_FORMS = {
  'sealed-json': /^sealed-json$/,
  ethereum: /^ethereum$/,
  'evm-bft': /^evm-bft$/,
  // Three names, all different.
  linked: /^linked:([^\s,"\\\p{C}]{1,64}),(?!\1,)([^\s,"\\\p{C}]{1,64}),(?!(?:\1|\2)$)[^\s,"\\\p{C}]{1,64}$/u,
} as const;

/** What the runtime must have for a built-in codec and has not; `null` when it is there, or is told of at its first use. */
export function missingFor(codec: string): string | null {
  if (codec !== 'zstd') return null;
  const zlib: object = process.getBuiltinModule('node:zlib');
  return 'createZstdCompress' in zlib ? null : CODECS.zstd.needs;
}
