import { gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type { ChainRules, TileEntry, VerifiedRun, VerifiedTile } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { type AppendPoint, checkLink, nextHeight } from '../../src/internal/links.js';
import { ndjson, sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import {
  assertVerified,
  blocksOf,
  entryOf,
  outcomeOf,
  tileSample,
  verifyHere,
} from '../helpers/tile-bodies.js';

const rules = sealedJson().create();
const verify = (
  entry: TileEntry,
  body: Uint8Array,
  { by = rules, maxBlockBytes = 1e8 } = {},
): Promise<VerifiedTile> => verifyHere(by, entry, body, maxBlockBytes);

const chain = sealedChain(40);
const other = sealedChain(40, (height) => ({ branch: 'b', ...smallPayload(height) }));

/** What one block after the other comes to, without a tile: `null` when all are in order. */
function refusalOfLines(lines: readonly Uint8Array[], from: number): unknown {
  let point: AppendPoint = { head: null, base: from };
  for (const line of lines) {
    try {
      const header = rules.verify(line, null);
      checkLink(header, point, rules);
      point = { head: header, base: from };
    } catch (error) {
      if (!isSyncError(error)) throw error;
      const { code, message, context } = error.at({ height: nextHeight(point) });
      return { code, message, context };
    }
  }
  return null;
}

/** The same rules, for many blocks at once. */
function inRuns(): { readonly rules: ChainRules; readonly taken: () => number } {
  let taken = 0;
  const verifyRun = (documents: Uint8Array): VerifiedRun | null => {
    const lines = Buffer.from(documents).toString('latin1').split('\n');
    if (lines.pop() !== '') return null;
    try {
      const each = lines.map((line) => Buffer.from(line, 'latin1'));
      const headers = each.map((line) => rules.verify(line, null));
      taken++;
      return { headers, documentLengths: each.map(({ byteLength }) => byteLength) };
    } catch {
      return null;
    }
  };
  const { id, selfCertifying, genesisPreviousHash } = rules;
  return {
    rules: {
      id,
      selfCertifying,
      genesisPreviousHash,
      verifyRun,
      describe: (document) => rules.describe(document),
      verify: (document, expected) => rules.verify(document, expected),
    },
    taken: () => taken,
  };
}

test('Rules that check several blocks at once find and refuse the same', async (t) => {
  const running = inRuns();
  const documents = blocksOf([
    10,
    40_000,
    3000,
    50_000,
    100_000,
    20,
    65_300,
    70_000,
    5,
    ...Array(300).keys(),
  ]);
  const { entry, body } = await tileSample(rules, documents);
  assertVerified(t, rules, await verify(entry, body, { by: running.rules }), documents);
  t.true(running.taken() >= 6, 'in several runs');
  const before = running.taken();
  for (const maxBlockBytes of [50_000, 90_000]) {
    const wanted = await outcomeOf(verify(entry, body, { maxBlockBytes }));
    t.deepEqual(await outcomeOf(verify(entry, body, { by: running.rules, maxBlockBytes })), wanted);
  }
  t.true(running.taken() > before);
});

test('Lines that are changed, lost, doubled or mixed up are refused as the blocks are one by one', async (t) => {
  const running = inRuns();
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  const large = blocksOf(
    Array.from({ length: 60 }, (_, height) => (height % 13 === 5 ? 80_000 : 40 * height)),
  );
  const bases = [chain, large];
  const change = fc.record({
    how: fc.constantFrom('flip', 'set', 'insert', 'drop', 'double', 'swap', 'other'),
    line: fc.nat({ max: 59 }),
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    byte: fc
      .oneof(fc.nat({ max: 255 }), fc.constantFrom(0x20, 0x22, 0x30, 0x5c, 0x7b, 0x7d))
      .filter((byte) => byte !== 10),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 1 }), fc.array(change, { maxLength: 2 }), async (which, changes) => {
      const base = bases[which] ?? [];
      const lines = changes
        .reduce<readonly Uint8Array[]>(changeLines, base)
        .filter((line) => line.byteLength > 0);
      const body = gzipSync(ndjson(lines), { level: 1 });
      const to = lines.length - 1;
      const entry = { ...entryOf(rules, base, body), to, documentBytes: ndjson(lines).byteLength };
      const wanted = refusalOfLines(lines, 0);
      const found = await outcomeOf(verify(entry, body));
      t.deepEqual(await outcomeOf(verify(entry, body, { by: running.rules })), found);
      if (wanted !== null) t.deepEqual(found, wanted);
      else t.true(lines.length === base.length || JSON.stringify(found).includes('TILE_MISMATCH'));
    }),
    { numRuns: 300, seed },
  );
});

interface LineChange {
  readonly how: string;
  readonly line: number;
  readonly at: number;
  readonly byte: number;
}

function changeLines(
  lines: readonly Uint8Array[],
  { how, line, at, byte }: LineChange,
): readonly Uint8Array[] {
  const place = line % lines.length;
  const old = lines[place] ?? new Uint8Array();
  const offset = Math.floor(at * old.byteLength);
  const [before, after] = [lines.slice(0, place), lines.slice(place + 1)];
  const flipped = (old[offset] ?? 0) ^ (1 << (byte % 8));
  const places: Readonly<Record<string, readonly Uint8Array[]>> = {
    flip: [old.with(offset, flipped === 10 ? byte : flipped)],
    set: [old.with(offset, byte)],
    insert: [Buffer.concat([old.subarray(0, offset), Uint8Array.of(byte), old.subarray(offset)])],
    drop: [],
    double: [old, old],
    swap: [...after.slice(0, 1), old],
    other: [other[place] ?? old],
  };
  return [...before, ...(places[how] ?? [old]), ...(how === 'swap' ? after.slice(1) : after)];
}
