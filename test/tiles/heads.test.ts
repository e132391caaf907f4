import test from 'ava';
import fc from 'fast-check';
import { type BlockHead, decodeHeads, encodeHeads } from '../../src/tiles/heads.js';

const hex = fc.string({
  unit: fc.constantFrom(...Array.from('0123456789abcdef')),
  minLength: 64,
  maxLength: 64,
});
const hashes = fc.oneof(
  hex,
  hex.map((digits) => `0x${digits}`),
  hex.map((digits) => digits.toUpperCase()),
  fc.string({ unit: 'binary', maxLength: 70 }),
);
const time = fc.oneof(
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0.5, -1.25, 1e300, 0),
);

interface Numbers {
  readonly timestamp: number | null;
  readonly documentBytes: number;
  readonly changes: number;
}

const numbers: fc.Arbitrary<Numbers> = fc.record({
  timestamp: time,
  documentBytes: fc.oneof(fc.nat(), fc.maxSafeNat()),
  changes: fc.nat({ max: 300 }),
});

function headsOf(first: number, all: readonly string[], rest: readonly Numbers[]): readonly BlockHead[] {
  return rest.map(({ timestamp, documentBytes, changes }, at) => {
    const header = { height: first + at, hash: all[at + 1] ?? '', previousHash: all[at] ?? '', timestamp };
    return { header, documentBytes, changes };
  });
}

test('The heads of blocks are read as they were written, whatever their hashes, times and sizes are', (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(numbers, { minLength: 1, maxLength: 70 }),
      fc.oneof(fc.constant(hex), fc.constant(hex.map((digits) => `0x${digits}`)), fc.constant(hashes)),
      fc.gen(),
      (first, rest, kind, gen) => {
        const all = Array.from({ length: rest.length + 1 }, () => gen(() => kind));
        const heads = headsOf(first, all, rest);
        t.deepEqual(decodeHeads(encodeHeads(heads), first), heads);
      },
    ),
    { seed, numRuns: 200 },
  );
});

test('A block with a hash of 64 hex digits, a time and a size takes less than 40 bytes', (t) => {
  for (const prefix of ['', '0x']) {
    const all = Array.from({ length: 65 }, (_, at) => prefix + at.toString(16).padStart(64, 'a'));
    const rest = all.slice(1).map((_, at) => {
      return { timestamp: 1_700_000_000_000 + 12_000 * at, documentBytes: 900, changes: 1 };
    });
    t.true(encodeHeads(headsOf(0, all, rest)).byteLength < 64 * 40 + 50);
  }
});
