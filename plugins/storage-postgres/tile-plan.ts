import type { BlockRange, BlockRef, Frame } from '../../src/contracts/index.js';
import { type CutDrop, type CutInput, intervalStart, TilePlan } from '../../src/tiles/plan.js';
import { damaged, dropBlocks, dropReplacedBlocks, insertBlocks, type Place, sizesIn } from './block-rows.js';
import type { Run } from './database.js';
import { pageOf, type Source } from './reads.js';
import { dropChanges } from './state-rows.js';
import type { Moment } from './store-row.js';
import { findTile, headsInTile } from './tile-reads.js';
import { dropTiles, tilesIn, type TileRow, undecideTiles } from './tile-rows.js';

/** Which tiles could be made of what a store has at a moment. @throws SyncError `STORE_DAMAGED` */
export async function planOf(source: Source, at: Moment): Promise<TilePlan> {
  const { base, head } = at.checkpoint;
  return source.reading(async (run) => {
    const plan = new TilePlan();
    if (head !== null)
      for await (const input of inputsOf(run, source, at, { from: base, to: head.height })) plan.add(input);
    return plan;
  });
}

/** What a store has of a range of heights, for the cut. @param before - tiles that only a block from there on decided are blocks */
async function* inputsOf(
  run: Run,
  source: Source,
  at: Moment,
  range: BlockRange,
  before = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<CutInput> {
  let next = range.from;
  for await (const tiles of tilesIn(run, source.tables, at, range))
    for (const tile of tiles) {
      yield* blocksOf(run, source, at, { from: next, to: tile.from - 1 });
      if (tile.decidedAt !== null && tile.decidedAt < before)
        yield { kind: 'tile', from: tile.from, to: tile.to };
      else
        for (const { header, documentBytes } of await headsInTile(run, source, at.store, tile))
          if (header.height <= range.to) yield { kind: 'block', height: header.height, documentBytes };
      next = tile.to + 1;
    }
  yield* blocksOf(run, source, at, { from: next, to: range.to });
}

async function* blocksOf(
  run: Run,
  { tables }: Source,
  at: Moment,
  { from, to }: BlockRange,
): AsyncGenerator<CutInput> {
  let next = from;
  for await (const sizes of sizesIn(run, tables, at, { from, to }))
    for (const { height, documentBytes } of sizes) {
      if (height !== next) throw damaged(next, 'missing');
      yield { kind: 'block', height, documentBytes };
      next += 1;
    }
  if (next <= to) throw damaged(next, 'missing');
}

/** What it does to the tiles of a store that the blocks from a height on are dropped. */
export interface TileDrop extends CutDrop {
  /** The tile that is cut; `null` for none. */
  readonly cut: TileRow | null;
  /** Its blocks that stay. */
  readonly restored: readonly Frame[];
}

/** Reads what dropping the blocks above one, or all, does to the tiles. @throws SyncError `STORE_DAMAGED` */
export async function dropAbove(source: Source, at: Moment, to: BlockRef | null): Promise<TileDrop> {
  const { base } = at.checkpoint;
  const from = Math.max((to?.height ?? -1) + 1, base);
  const start = Math.max(intervalStart(from), base);
  const rest = await source.reading(async (run) => {
    const inputs: CutInput[] = [];
    for await (const input of inputsOf(run, source, at, { from: start, to: from - 1 }, from))
      inputs.push(input);
    return inputs;
  });
  const cut = from > base ? await tileAcross(source, at, from) : null;
  const restored: Frame[] = [];
  for (let next = cut?.from ?? from; next < from;) {
    const frames = await pageOf(source, at, { from: next, to: from - 1 });
    restored.push(...frames);
    next += frames.length;
  }
  return { from, rest, cut, restored };
}

/** The tile that has a height and the one below. */
async function tileAcross(source: Source, at: Moment, height: number): Promise<TileRow | null> {
  const tile = await source.reading((run) => findTile(run, source, at, height));
  return tile !== null && tile.from < height ? tile : null;
}

/** Drops the blocks from a height on, with what they changed; of a tile that is cut the rest is blocks again. */
export async function drop(
  run: Run,
  { tables }: Source,
  place: Place,
  { range, tiles: { from, cut, restored } }: { readonly range: BlockRange; readonly tiles: TileDrop },
): Promise<void> {
  await dropBlocks(run, tables, place, range);
  await dropTiles(run, tables, place, range);
  await undecideTiles(run, tables, place, from);
  if (cut !== null) {
    await dropReplacedBlocks(run, tables, place, { from: cut.from, to: from - 1, born: cut.born });
    await insertBlocks(run, tables, place, restored);
  }
  await dropChanges(run, tables, place, range);
}
