import { tileNameOf, tilePath } from '../../tiles/name.js';
import type { TileEntry } from '../../contracts/index.js';
import { pageOf, type Facts } from './facts.js';
import type { Names } from './template.js';

/** What texts of cases can name of a server. */
export function namesOf(facts: Facts): Names {
  const { lastTile, manifest, snapshot, limits } = facts;
  return {
    ...chainNames(facts),
    ...tileNames(facts),
    random: Math.random().toString(36).slice(2).padEnd(16, '0'),
    maxRange: Number(limits['maxRange']),
    page: pageOf(lastTile ?? 0),
    ...(snapshot === null ? {} : snapshotNames(snapshot)),
    firstPart: (manifest?.parts[0]?.length ?? 1) - 1,
  };
}

function snapshotNames({ id, type, height }: NonNullable<Facts['snapshot']>): Names {
  return { snapshot: id, snapshotType: type, snapshotHeight: height };
}

function chainNames({ base, head }: Facts): Names {
  const { height, hash } = head ?? { height: base, hash: '' };
  return { base, last: Math.min(base + 2, height), head: height, headHash: hash, otherHash: otherThan(hash) };
}

function tileNames({ tile, tileZstd }: Facts): Names {
  if (tile === null) return {};
  const path = pathOf(tile);
  return { tile: path, otherTile: otherName(path), tileZstd: pathOf(tileZstd ?? tile, 'zstd') };
}

function pathOf(tile: TileEntry, codec = 'gzip'): string {
  return tilePath(tileNameOf(tile), codec);
}

/** A hash of the same form that is another one. */
function otherThan(hash: string): string {
  return hash.slice(0, -1) + (hash.endsWith('0') ? '1' : '0');
}

function otherName(path: string): string {
  return path.replace(/([0-9a-f])(?=\.ndjson)/, (digit) => (digit === '0' ? '1' : '0'));
}
