import type { CommitBatch, CommitBlock, CommitTile } from '../contracts/index.js';
import type { NextPlan } from './plan.js';

/** Blocks of a batch that are kept as the tile that they came in. */
export interface WholeTile {
  readonly tile: CommitTile;
  readonly blocks: readonly CommitBlock[];
}

/** How the blocks of a batch are kept. */
export interface SplitBatch {
  readonly frames: readonly CommitBlock[];
  readonly tiles: readonly WholeTile[];
}

/**
 * Says which blocks of a batch are kept as the tiles that they came in: where no tile that the store makes can end within
 * them.
 *
 * @throws TypeError for a tile that is not what blocks of the batch are.
 */
export function splitBatch({ blocks, tiles = [] }: CommitBatch, next: NextPlan): SplitBatch {
  const base = blocks[0]?.frame.header.height ?? 0;
  const frames: (readonly CommitBlock[])[] = [];
  const whole: WholeTile[] = [];
  let at = 0;
  for (const tile of tiles) {
    const from = tile.from - base;
    const inside = blocks.slice(Math.max(from, 0), tile.to - base + 1);
    if (from < at || !isOf(tile, inside))
      throw new TypeError(`Tile ${tile.from}–${tile.to} is not what the blocks of the batch are.`);
    frames.push(blocks.slice(at, from));
    at = from + inside.length;
    if (next.takes(tile)) whole.push({ tile, blocks: inside });
    else frames.push(inside);
  }
  frames.push(blocks.slice(at));
  return { frames: frames.flat(), tiles: whole };
}

function isOf(tile: CommitTile, blocks: readonly CommitBlock[]): boolean {
  const { members, bytes } = tile.body;
  return (
    blocks.length === tile.to - tile.from + 1 &&
    blocks[0]?.frame.header.previousHash === tile.previousHash &&
    blocks.at(-1)?.frame.header.hash === tile.hash &&
    sum(blocks, ({ frame }) => frame.documentBytes + 1) === tile.documentBytes &&
    sum(members, (member) => member.blocks) === blocks.length &&
    sum(members, (member) => member.bytes) === bytes.byteLength
  );
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((all, item) => all + count(item), 0);
}
