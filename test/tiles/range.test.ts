import test from 'ava';
import fc from 'fast-check';
import type { BlockRange, Tile } from '../../src/contracts/index.js';
import { MAX_TILE_BLOCKS } from '../../src/tiles/cut.js';
import { TileRange } from '../../src/tiles/range.js';
import { TileList, tileOf } from '../helpers/tile-list.js';

/** Tiles of whole intervals, without those of some numbers. */
function intervals(count: number, missing: readonly number[] = [], first = 0): Tile[] {
  const all = Array.from({ length: count }, (_, at) => at).filter((at) => !missing.includes(at));
  return all.map((at) =>
    tileOf(Math.max(at * MAX_TILE_BLOCKS, first), at * MAX_TILE_BLOCKS + MAX_TILE_BLOCKS - 1),
  );
}

interface Place {
  base: number;
  head: number | null;
}

function sourceAt(place: Place): ConstructorParameters<typeof TileRange>[0] {
  return {
    tip: () => ({
      base: place.base,
      head: place.head === null ? null : { height: place.head, hash: `hash-${place.head}` },
      confirmed: null,
      finalized: null,
    }),
  };
}

/** Looked at all at once: what lies behind each other down from the newest. */
function expected(tiles: readonly Tile[]): BlockRange | null {
  const newest = tiles.at(-1);
  if (newest === undefined) return null;
  let { from } = newest;
  for (const tile of tiles.toReversed()) if (tile.to === from - 1) ({ from } = tile);
  return { from, to: newest.to };
}

test('the tiles that lie behind each other are found down from the newest, whatever is missing', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 60 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 6 }),
      fc.constantFrom(0, 1),
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 5 }),
      async (count, missing, base, growth) => {
        const list = new TileList(intervals(count, missing, base));
        const place: Place = { base, head: count * MAX_TILE_BLOCKS + 500 };
        const range = new TileRange(sourceAt(place), list);
        let made = count;
        for (const more of [0, ...growth]) {
          made += more;
          list.tiles.splice(0, Infinity, ...intervals(made, missing, base));
          place.head = made * MAX_TILE_BLOCKS + 500;
          await range.look();
          const wanted = expected(list.tiles);
          // Behind more holes than are looked over from the head, the tiles below the first of them are told of.
          const isNear = wanted === null || wanted.to >= place.head - 3 * MAX_TILE_BLOCKS;
          if (isNear) t.deepEqual(range.current, wanted);
        }
      },
    ),
  );
});

test('tiles that are gone are not told of, and those below them still are', async (t) => {
  const list = new TileList(intervals(40));
  const place: Place = { base: 0, head: 40 * MAX_TILE_BLOCKS + 10 };
  const range = new TileRange(sourceAt(place), list);
  await range.look();
  t.deepEqual(range.current, { from: 0, to: 40 * MAX_TILE_BLOCKS - 1 });
  list.tiles.length = 37;
  place.head = 37 * MAX_TILE_BLOCKS + 10;
  await range.look();
  t.deepEqual(range.current, { from: 0, to: 37 * MAX_TILE_BLOCKS - 1 });
  list.tiles.length = 0;
  await range.look();
  t.is(range.current, null);
});

test('another branch with tiles of the same heights is found, and its other cut', async (t) => {
  const list = new TileList(intervals(3));
  const place: Place = { base: 0, head: 3 * MAX_TILE_BLOCKS + 10 };
  const range = new TileRange(sourceAt(place), list);
  await range.look();
  const [, , last] = list.tiles as [Tile, Tile, Tile];
  list.tiles[2] = tileOf(last.from, last.to - 512, { hash: 'another' });
  await range.look();
  t.deepEqual(range.current, { from: 0, to: last.to - 512 });
});

test('a store whose contents were replaced is looked at anew', async (t) => {
  const list = new TileList(intervals(3));
  const place: Place = { base: 0, head: 3 * MAX_TILE_BLOCKS + 10 };
  const range = new TileRange(sourceAt(place), list);
  await range.look();
  list.tiles.splice(0, 1);
  place.base = MAX_TILE_BLOCKS - 100;
  await range.look();
  t.deepEqual(range.current, { from: MAX_TILE_BLOCKS, to: 3 * MAX_TILE_BLOCKS - 1 });
  place.head = null;
  await range.look();
  t.is(range.current, null);
});

test('while a look begins anew, the tiles are told that the last one found, without those that were pruned', async (t) => {
  const list = new TileList(intervals(5));
  const place: Place = { base: 0, head: 5 * MAX_TILE_BLOCKS + 10 };
  const range = new TileRange(sourceAt(place), list);
  await range.look();
  list.tiles.splice(0, 2);
  place.base = 2 * MAX_TILE_BLOCKS;
  const left = { from: 2 * MAX_TILE_BLOCKS, to: 5 * MAX_TILE_BLOCKS - 1 };
  const look = range.look();
  t.deepEqual(range.current, left);
  await look;
  t.deepEqual(range.current, left);
});

test('a look at what has not changed reads no list of tiles', async (t) => {
  const list = new TileList(intervals(100));
  const place: Place = { base: 0, head: 100 * MAX_TILE_BLOCKS + 1_000 };
  const range = new TileRange(sourceAt(place), list);
  await range.look();
  const before = list.lists.length;
  t.true(before > 0);
  await range.look();
  t.is(list.lists.length, before);
});
