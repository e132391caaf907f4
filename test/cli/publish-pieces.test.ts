import test from 'ava';
import fc from 'fast-check';
import { gunzipSync } from 'node:zlib';
import { piecesOf, type Piece, type Published } from '../../src/cli/publish/pieces.js';
import { openChain } from '../../src/index.js';
import { TileCutter } from '../../src/tiles/cut.js';
import { tileNameOf, tilePath } from '../../src/tiles/name.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';

const { signal } = new AbortController();

async function piecesIn(
  chain: Published['chain'],
  settled: number,
): Promise<readonly (readonly [Piece['kind'], string, Buffer])[]> {
  const pieces: (readonly [Piece['kind'], string, Buffer])[] = [];
  for await (const piece of piecesOf({ chain, settled, isDigested: false, signal })) {
    const body = Buffer.from(await piece.body());
    pieces.push([piece.kind, tilePath(tileNameOf(piece.entry)), gunzipSync(body)]);
    checkLengths(piece, body);
  }
  return pieces;
}

/** @throws Error when an entry is not of its body */
function checkLengths({ entry }: Piece, body: Buffer): void {
  if (entry.bytes !== body.length || entry.documentBytes !== gunzipSync(body).length)
    throw new Error(`The entry ${JSON.stringify(entry)} is not of its body.`);
}

/** What blocks decide, as a store makes tiles of no others. */
function decidedBy(documents: readonly Uint8Array[], base: number): ReadonlySet<string> {
  const cutter = new TileCutter(base);
  const cuts = documents.flatMap(({ length }, at) => cutter.push(base + at, length));
  return new Set(cuts.map(({ from, to }) => `${from}-${to}`));
}

test('pieces are the same whichever of the tiles the store has made, and are all settled blocks', async (t) => {
  const sizes = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1_000, max: 300_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 3_000_000, max: 5_000_000 }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(sizes, { minLength: 20, maxLength: 60 }),
      fc.constantFrom(0, 1),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.func(fc.boolean()),
      async (lengths, base, share, isMissing) => {
        const documents = sealedChain(lengths.length + base, (height) => ({
          filler: 'z'.repeat(lengths[height - base] ?? 1),
        })).slice(base);
        const location = tempDir(t);
        const chain = await openChain({
          storage: { use: 'leveldb', location },
          base,
          finality: { depth: 0 },
        });
        try {
          await chain.append(documents);
          await chain.tilesMade();
          const settled = base + Math.floor(share * (documents.length - 1));
          const stored = chain.tiles;
          if (stored === null) throw new TypeError('This store keeps tiles.');
          const tiles: NonNullable<Published['chain']['tiles']> = {
            at: async (height) => (await listed(height, height)).at(0) ?? null,
            list: ({ from, to }) => listed(from, to),
            body: (tile) => stored.body(tile),
          };
          const decided = decidedBy(documents.slice(0, settled + 1 - base), base);
          const all = await stored.list({ from: 0, to: settled });
          const kept = all.filter(({ from, to }) => decided.has(`${from}-${to}`) && !isMissing(from));
          const listed = (from: number, to: number): Promise<typeof kept> =>
            Promise.resolve(kept.filter((tile) => tile.to >= from && tile.from <= to));
          const reading = {
            tip: () => chain.tip(),
            read: chain.read.bind(chain),
            decode: chain.decode.bind(chain),
          };
          const some = await piecesIn({ ...reading, tiles }, settled);
          const none = await piecesIn({ ...reading, tiles: null }, settled);
          t.deepEqual(
            some.map(([kind, name]) => `${kind} ${name}`),
            none.map(([kind, name]) => `${kind} ${name}`),
          );
          const published = Buffer.concat(some.map(([, , contents]) => contents));
          t.true(published.equals(ndjson(documents.slice(0, settled + 1 - base))));
        } finally {
          await chain.close();
        }
      },
    ),
    { numRuns: 8 },
  );
});
