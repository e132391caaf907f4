import { sha256Hex } from '#platform/sha256';
import type { TileEntry } from '../contracts/index.js';
import { suffixOf } from '../internal/codecs.js';

/** What the name of a tile says. */
export interface TileName {
  readonly from: number;
  readonly to: number;
  /** 32 hex digits: see {@link tileNameOf}. */
  readonly digest: string;
}

/** Heights that share a page: a folder of tiles and its index. */
export const PAGE_HEIGHTS = 65_536;

/** File name of a page's index, in the folder of its tiles. */
export const INDEX_NAME = 'index.ndjson';

const NAME = /^(\d{16})-(\d{16})-([0-9a-f]{32})\.ndjson\.gz$/;
const PAGE = /^(?:x\d{3}\/)*\d{3}$/;

/** The first 32 hex digits of the SHA-256 of the last block's hash as the chain spells it: labels of any form get a name. */
export function tileDigest(lastHash: string): string {
  return sha256Hex(lastHash).slice(0, 32);
}

/**
 * The name of a tile. A cache can't have other bytes under it: its digest is that of the documents, or that of the last
 * hash, where the hashes of the chain cover all bytes.
 */
export function tileNameOf({
  from,
  to,
  hash,
  digest,
}: Pick<TileEntry, 'from' | 'to' | 'hash' | 'digest'>): TileName {
  return { from, to, digest: digest === null ? tileDigest(hash) : digest.slice(0, 32) };
}

/** File name of a tile; sorted by name, tiles are in the order of their heights. */
export function tileFileName({ from, to, digest }: TileName, codec = 'gzip'): string {
  return `${digits(from)}-${digits(to)}-${digest}.ndjson.${suffixOf(codec)}`;
}

/** Reads the file name of a tile in gzip; `null` for any other name, also one of no interval of heights. */
export function parseTileFileName(name: string): TileName | null {
  const [, from, to, digest] = NAME.exec(name) ?? [];
  if (from === undefined || to === undefined || digest === undefined) return null;
  const found = { from: Number(from), to: Number(to), digest };
  return found.from <= found.to && Number.isSafeInteger(found.to) ? found : null;
}

/**
 * Path of the page that has a height: its number in elements of three digits, of which all but the last begin with `x`
 * (`000`, `x001/234`), so that no folder has more than some thousand entries and no page is the folder of another.
 */
export function pagePath(height: number): string {
  const groups = String(Math.floor(height / PAGE_HEIGHTS))
    .replace(/\B(?=(?:\d{3})+$)/g, '/')
    .split('/')
    .map((group) => group.padStart(3, '0'));
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

/** Reads a page's path. @returns its first height; `null` for a path that is none, or spells one otherwise */
export function parsePagePath(path: string): number | null {
  if (!PAGE.test(path)) return null;
  const first = Number(path.replaceAll(/[x/]/g, '')) * PAGE_HEIGHTS;
  return Number.isSafeInteger(first) && pagePath(first) === path ? first : null;
}

/** Path of a tile below the folder of all: `000/0000000000000000-0000000000001023-….ndjson.gz`. */
export function tilePath(name: TileName, codec = 'gzip'): string {
  return `${pagePath(name.from)}/${tileFileName(name, codec)}`;
}

/** File name of the settled blocks behind the last tile, in the folder of all pages. */
export function tailFileName(name: TileName, codec = 'gzip'): string {
  return `tail-${tileFileName(name, codec)}`;
}

const digits = (height: number): string => String(height).padStart(16, '0');
