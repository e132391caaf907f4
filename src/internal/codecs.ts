import { hexBytes } from '#platform/bytes';
import type { Codec } from '../contracts/index.js';

/** What is known of a built-in codec before its module is loaded. */
interface CodecFacts {
  /**
   * Where single blocks may be in it. `default`: in stores, streams and ranges of frames, also where a configuration
   * names no codecs. `unstreamed`: where one names it, but not in streams, whose thread it would hold up for too long.
   */
  readonly blocks: 'default' | 'unstreamed';
  /** Place in the order of preference for snapshots, the best being 1; `null` keeps it out of them. */
  readonly snapshots: number | null;
  /** Whether tiles are in it: `always`, `also` where a server has them in it as well; `null` for never. */
  readonly tiles: 'always' | 'also' | null;
  /** HTTP's name for the same bytes, under which ranges come in it (IANA's content codings); `null` for none. */
  readonly contentEncoding: string | null;
  /** How the names of files in it end. */
  readonly suffix: string;
  /** The bytes that begin whatever is in it, in hexadecimal; `null` where nothing tells it. */
  readonly magic: string | null;
  /** What it needs beyond the oldest Node that the package runs on; `null` for nothing. */
  readonly needs: string | null;
}

/**
 * The built-in codecs, best first for blocks. All that the product says or decides about them comes from here; their
 * modules are in `src/di/codecs.ts`.
 */
export const CODECS = {
  zstd: {
    blocks: 'default',
    snapshots: 2,
    tiles: 'also',
    contentEncoding: 'zstd',
    suffix: 'zst',
    magic: '28b52ffd',
    needs: 'Node 22.15, 23.8 or newer',
  },
  gzip: {
    blocks: 'default',
    snapshots: 3,
    tiles: 'always',
    contentEncoding: 'gzip',
    suffix: 'gz',
    magic: '1f8b',
    needs: null,
  },
  identity: {
    blocks: 'default',
    snapshots: 4,
    tiles: null,
    contentEncoding: null,
    suffix: 'json',
    magic: null,
    needs: null,
  },
  bzip2: {
    blocks: 'unstreamed',
    snapshots: 1,
    tiles: null,
    contentEncoding: null,
    suffix: 'bz2',
    magic: '425a68',
    needs: 'WebAssembly with SIMD',
  },
} as const satisfies Readonly<Record<string, CodecFacts>>;

/** Name of a built-in codec. */
export type CodecName = keyof typeof CODECS;

const TABLE: Readonly<Record<CodecName, CodecFacts>> = CODECS;

/** All built-in codecs, best first for blocks. */
export const CODEC_NAMES: readonly CodecName[] = Object.keys(CODECS) as CodecName[];

/** Those that streams of blocks may be in. */
export const STREAM_CODECS: readonly CodecName[] = CODEC_NAMES.filter(
  (name) => TABLE[name].blocks !== 'unstreamed',
);

/** Those that blocks are taken in where a configuration names none, best first, if the runtime has them. */
export const DEFAULT_CODECS: readonly CodecName[] = CODEC_NAMES.filter(
  (name) => TABLE[name].blocks === 'default',
);

/** Those that snapshots are made and taken in, best first. */
export const SNAPSHOT_CODECS: readonly CodecName[] = CODEC_NAMES.filter(
  (name) => TABLE[name].snapshots !== null,
).sort((a, b) => (TABLE[a].snapshots ?? 0) - (TABLE[b].snapshots ?? 0));

/** Those that tiles may be in besides gzip. */
export const MORE_TILE_CODECS: readonly CodecName[] = CODEC_NAMES.filter(
  (name) => TABLE[name].tiles === 'also',
);

/** Whether a codec is a built-in one. */
export function isBuiltinCodec(name: string): name is CodecName {
  return Object.hasOwn(CODECS, name);
}

/** The bytes that begin whatever is in a built-in codec; `null` where nothing tells it. */
export function magicOf(name: CodecName): Uint8Array | null {
  const { magic } = TABLE[name];
  return magic === null ? null : hexBytes(magic);
}

/** How the names of files in a codec end: `gz`. One that is not built in gives its own name. */
export function suffixOf(codec: string): string {
  return isBuiltinCodec(codec) ? CODECS[codec].suffix : codec;
}

/** What a built-in codec states of itself. */
export function supportsOf(name: CodecName): Codec['supports'] {
  const { blocks, contentEncoding } = TABLE[name];
  return { encode: true, decode: true, contentEncoding, blocks: blocks !== 'unstreamed' };
}
