import { type CodecName, CODECS, DEFAULT_CODECS } from '../internal/codecs.js';

/** Built-in stores that a configuration can name. */
export const STORAGE_NAMES = ['leveldb', 'postgres', 'memory'] as const;

const NAME = String.raw`[^\s,"\\.\p{C}]{1,64}`;
const PATH = String.raw`${NAME}(?:\.${NAME}){0,7}`;
/** Three paths, all different, and for chains with times a fourth with its unit. */
const LINKED = new RegExp(
  String.raw`^linked:(${PATH}),(?!\1,)(${PATH}),(?!(?:\1|\2)(?:,|$))(${PATH})(?:,(?!(?:\1|\2|\3),)${PATH},(?:s|ms|us|ns|rfc3339))?$`,
  'u',
);

/** Built-in chain rules that a configuration can name, and how their full names look. */
export const CHAIN_FORMS = {
  'sealed-json': /^sealed-json$/,
  ethereum: /^ethereum$/,
  'evm-bft': /^evm-bft$/,
  cometbft: /^cometbft$/,
  bitcoin: /^bitcoin$/,
  fabric: /^fabric$/,
  linked: LINKED,
} as const;

/** What the runtime must have for a built-in codec and has not; `null` when it is there, or is told of at its first use. */
export function missingFor(codec: string): string | null {
  if (codec !== 'zstd') return null;
  const zlib: object = process.getBuiltinModule('node:zlib');
  return 'createZstdCompress' in zlib ? null : CODECS.zstd.needs;
}

/** The codecs that blocks are taken in where a configuration names none, best first. */
export function defaultCodecs(): readonly CodecName[] {
  return DEFAULT_CODECS.filter((name) => missingFor(name) === null);
}
