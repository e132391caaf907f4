import test from 'ava';
import fc from 'fast-check';
import {
  type DecidedCut,
  firstCut,
  MAX_TILE_BLOCKS,
  MAX_TILE_BYTES,
  type TileCut,
  TileCutter,
} from '../../src/tiles/cut.js';
import { ClaimedCut } from '../../src/tiles/claimed-cut.js';

/** The rule as it is stated, by recursion over a whole chain: what is decided, given these blocks. */
function cutWhole(base: number, sizes: readonly number[]): TileCut[] {
  const cuts: TileCut[] = [];
  const first = firstCut(base);
  const end = base + sizes.length;
  /** @returns whether all of the interval is decided */
  const visit = (start: number, width: number): boolean => {
    const from = Math.max(start, first);
    const to = Math.min(start + width, end);
    const bytes = sizes
      .slice(Math.max(0, from - base), Math.max(0, to - base))
      .reduce((sum, n) => sum + n + 1, 0);
    if (bytes > MAX_TILE_BYTES && width > 1)
      return visit(start, width / 2) && visit(start + width / 2, width / 2);
    if (start + width > end) return false;
    if (from < to) cuts.push({ from, to: to - 1, documentBytes: bytes });
    return true;
  };
  for (let start = first === 1 ? 0 : first; visit(start, MAX_TILE_BLOCKS); start += MAX_TILE_BLOCKS);
  return cuts;
}

function cutGrowing(base: number, sizes: readonly number[]): DecidedCut[] {
  const cutter = new TileCutter(base);
  return sizes.flatMap((bytes, at) => cutter.push(base + at, bytes));
}

const plain = (cuts: readonly TileCut[]): TileCut[] =>
  cuts.map(({ from, to, documentBytes }) => ({ from, to, documentBytes }));

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 2, max: 2000 }) },
  { weight: 4, arbitrary: fc.integer({ min: 2, max: 200_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 500_000, max: 3_000_000 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(MAX_TILE_BYTES - 2, MAX_TILE_BYTES - 1, MAX_TILE_BYTES, 9_000_000),
  },
);
/** Chains whose stretches have a kind of size each, as real ones have. */
const sizes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 700 }), fc.array(size, { minLength: 1, maxLength: 8 })), {
    minLength: 1,
    maxLength: 5,
  })
  .map((stretches) =>
    stretches.flatMap(([count, some]) =>
      Array.from({ length: count }, (_, at) => some[at % some.length] ?? 2),
    ),
  );
const base = fc.oneof(
  fc.constantFrom(0, 1, 2, 1023, 1024, 1025, 5_000),
  fc.integer({ min: 0, max: 2 ** 40 }),
);

test('No later block changes a decided tile: 30,000 prefixes of random chains', (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  let prefixes = 0;
  fc.assert(
    fc.property(
      base,
      sizes,
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (from, all, draws) => {
        const whole = cutGrowing(from, all);
        for (const draw of [...draws.take(100)]) {
          const count = Math.floor(draw * (all.length + 1));
          const wanted = plain(whole.filter(({ decidedAt }) => decidedAt < from + count));
          t.deepEqual(cutWhole(from, all.slice(0, count)), wanted);
          prefixes += 1;
        }
      },
    ),
    { numRuns: 300, seed },
  );
  t.true(prefixes >= 30_000, `${prefixes} prefixes`);
});

test('The tiles of a chain follow each other, are aligned and within the bounds, and a check of them as claimed takes them', (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(base, sizes, (from, all) => {
      const cuts = cutGrowing(from, all);
      const claimed = new ClaimedCut();
      let next = firstCut(from);
      for (const cut of cuts) {
        t.is(cut.from, next);
        t.true(cut.to - cut.from < MAX_TILE_BLOCKS);
        t.true(cut.documentBytes <= MAX_TILE_BYTES || cut.from === cut.to);
        t.true(cut.decidedAt >= cut.to);
        claimed.add(cut);
        next = cut.to + 1;
      }
      t.true(from + all.length - next < MAX_TILE_BLOCKS || cuts.length === 0);
    }),
    { numRuns: 200, seed },
  );
});

test('A cutter that begins behind a decided tile goes on as the one that cut it', (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(base, sizes, fc.nat(), (from, all, pick) => {
      const cuts = cutGrowing(from, all);
      const known = cuts[pick % Math.max(1, cuts.length)];
      if (known === undefined) return;
      const cutter = new TileCutter(from, known.to + 1);
      const rest = all
        .slice(known.to + 1 - from)
        .flatMap((bytes, at) => cutter.push(known.to + 1 + at, bytes));
      t.deepEqual(plain(rest), plain(cuts.slice(cuts.indexOf(known) + 1)));
    }),
    { numRuns: 300, seed },
  );
});

test('Small blocks are cut at 1,024, and a chain that begins at 1 has the tiles of one from 0 on, without 0', (t) => {
  const small = Array.from({ length: 2500 }, () => 900);
  const ranges = (cuts: readonly TileCut[]): string[] => cuts.map(({ from, to }) => `${from}-${to}`);
  t.deepEqual(ranges(cutGrowing(0, small)), ['0-1023', '1024-2047']);
  t.deepEqual(ranges(cutGrowing(1, small)), ['1-1023', '1024-2047']);
  t.deepEqual(ranges(cutGrowing(2, small)), ['1024-2047']);
  t.deepEqual(ranges(cutGrowing(1025, small)), ['2048-3071']);
  t.throws(() => new TileCutter(0).push(1, 5), { instanceOf: TypeError });
});

const refused: Record<string, readonly TileCut[]> = {
  'a range that is no interval': [{ from: 0, to: 2, documentBytes: 100 }],
  'an interval that is not aligned': [{ from: 2, to: 5, documentBytes: 100 }],
  'an interval that only a chain from 1 on has, behind height 0': [
    { from: 0, to: 0, documentBytes: 4_000_000 },
    { from: 1, to: 3, documentBytes: 4_000_000 },
  ],
  'more than 1,024 blocks': [{ from: 0, to: 2047, documentBytes: 10_000 }],
  'several blocks above the bound': [{ from: 0, to: 1, documentBytes: MAX_TILE_BYTES + 1 }],
  'a gap': [
    { from: 0, to: 1023, documentBytes: 4_000_000 },
    { from: 2048, to: 3071, documentBytes: 4_000_000 },
  ],
  'halves that fit together': [
    { from: 0, to: 511, documentBytes: 2_000_000 },
    { from: 512, to: 1023, documentBytes: 2_194_304 },
  ],
  'halves that fit together, of a chain from 1 on': [
    { from: 1, to: 511, documentBytes: 2_000_000 },
    { from: 512, to: 1023, documentBytes: 2_194_304 },
  ],
  'fewer bytes than the blocks can have': [{ from: 0, to: 1023, documentBytes: 3071 }],
  'a height that is none': [{ from: -1024, to: -1, documentBytes: 10_000 }],
  'a part of a byte': [{ from: 0, to: 1023, documentBytes: 10_000.5 }],
};
for (const [what, cuts] of Object.entries(refused))
  test(`Of claimed tiles, ${what} is a PROTOCOL_VIOLATION`, (t) => {
    const claimed = new ClaimedCut();
    for (const cut of cuts.slice(0, -1)) claimed.add(cut);
    t.throws(
      () => {
        claimed.add(cuts.at(-1) as TileCut);
      },
      { code: 'PROTOCOL_VIOLATION' },
    );
  });

test('Of claimed tiles, halves that are too large together are taken, and so is one large block', (t) => {
  const claimed = new ClaimedCut();
  claimed.add({ from: 0, to: 511, documentBytes: 2_000_000 });
  claimed.add({ from: 512, to: 1023, documentBytes: 2_194_305 });
  claimed.add({ from: 1024, to: 1024, documentBytes: 64 * 1024 * 1024 });
  t.pass();
});
