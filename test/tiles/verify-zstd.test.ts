import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { zstd } from '../../plugins/codec-zstd/index.js';
import type { CodecPlugin, TileEntry } from '../../src/contracts/index.js';
import { MAX_MEMBER_BYTES } from '../../src/tiles/body.js';
import { createTileVerifier, type TileVerifier } from '../../src/workers/tile-verifier.js';
import { withCodec } from '../helpers/builtin-codecs.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { blocksOf, outcomeOf, tileSample } from '../helpers/tile-bodies.js';
import { createRules, oddDocument, oddWorker } from '../workers/odd-rules.js';

const plugin = sealedJson();
const rules = plugin.create();

function verifierOf(t: ExecutionContext, threads: number, codecs: readonly CodecPlugin[]): TileVerifier {
  const verifier = createTileVerifier({
    ...{ rules, codecs, threads, maxBlockBytes: 1e8, firstThreadCost: 0 },
    worker: plugin.worker,
  });
  t.teardown(() => verifier.close());
  return verifier;
}

const lengths = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 3000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 150_000 }) },
    { weight: 2, arbitrary: fc.integer({ min: MAX_MEMBER_BYTES - 300, max: MAX_MEMBER_BYTES }) },
  ),
  { minLength: 1, maxLength: 40 },
);

withCodec(
  'zstd',
  'A body in zstd is verified as the tile that it is in gzip, on threads and here, at every level',
  async (t) => {
    const seed = Date.now() % 2 ** 31;
    t.log(`seed ${seed}`);
    const [onThreads, here] = [verifierOf(t, 2, [zstd()]), verifierOf(t, 0, [zstd()])];
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 22 }), async (sizes, level) => {
        const documents = blocksOf(sizes);
        const { entry, body } = await tileSample(rules, documents);
        const wanted = await outcomeOf(here.verify(entry, body, {}));
        const encoded = zstd({ level }).create().encode(ndjson(documents));
        for (const verifier of [onThreads, here])
          t.deepEqual(await outcomeOf(verifier.verify(entry, encoded, { codec: 'zstd' })), wanted);
      }),
      { numRuns: 30, seed },
    );
  },
);

withCodec(
  'zstd',
  'What is damaged in a body in zstd is refused with the same errors on threads and here, with the height',
  async (t) => {
    const seed = Date.now() % 2 ** 31;
    t.log(`seed ${seed}`);
    const [onThreads, here] = [verifierOf(t, 2, [zstd()]), verifierOf(t, 0, [zstd()])];
    const documents = blocksOf([100, 90_000, 700, 0, 2000]);
    const { entry } = await tileSample(rules, documents);
    const good = zstd().create().encode(ndjson(documents));
    const place = fc.integer({ min: 0, max: good.byteLength - 1 });
    const damaged = fc.oneof(
      fc
        .tuple(place, fc.integer({ min: 1, max: 255 }))
        .map(([at, mask]) => good.map((byte, i) => (i === at ? byte ^ mask : byte))),
      place.map((at) => good.slice(0, at)),
      fc.uint8Array({ minLength: 1, maxLength: 20 }).map((more) => Buffer.concat([good, more])),
    );
    await fc.assert(
      fc.asyncProperty(damaged, async (body) => {
        const [there, wanted] = await Promise.all(
          [onThreads, here].map((verifier) => outcomeOf(verifier.verify(entry, body, { codec: 'zstd' }))),
        );
        t.deepEqual(there, wanted);
        t.like(wanted, { context: { height: 0 } });
        t.regex((wanted as { code: string }).code, /^CODEC_(CORRUPT|OUTPUT_TOO_LARGE)$/);
      }),
      { numRuns: 200, seed },
    );
  },
);

withCodec('zstd', 'A body is what its codec says: zstd is no gzip, and gzip no zstd', async (t) => {
  const here = verifierOf(t, 0, [zstd()]);
  const documents = blocksOf([10, 20]);
  const { entry, body } = await tileSample(rules, documents);
  const encoded = zstd().create().encode(ndjson(documents));
  await t.throwsAsync(here.verify(entry, encoded, {}), { code: 'CODEC_CORRUPT' });
  await t.throwsAsync(here.verify(entry, body, { codec: 'zstd' }), { code: 'CODEC_CORRUPT' });
});

withCodec(
  'zstd',
  'No more is decoded than the entry states, and a length that is too small is told as that',
  async (t) => {
    const here = verifierOf(t, 0, [zstd()]);
    const documents = blocksOf([10, 20, 30]);
    const { entry } = await tileSample(rules, documents);
    const bomb = zstd()
      .create()
      .encode(Buffer.alloc(256 * 1024 * 1024, 0x20));
    const before = process.memoryUsage().arrayBuffers;
    await t.throwsAsync(here.verify(entry, bomb, { codec: 'zstd' }), { code: 'CODEC_OUTPUT_TOO_LARGE' });
    t.true(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
    const longer: TileEntry = { ...entry, documentBytes: entry.documentBytes + 1 };
    const body = zstd().create().encode(ndjson(documents));
    await t.throwsAsync(here.verify(longer, body, { codec: 'zstd' }), { code: 'TILE_MISMATCH' });
  },
);

withCodec(
  'zstd',
  'A codec that says nothing of threads decodes here, also where the rules have threads',
  async (t) => {
    const { worker: left, ...withoutWorker } = zstd();
    t.not(left, undefined);
    const verifier = createTileVerifier({
      ...{ rules: createRules(), worker: oddWorker, codecs: [withoutWorker], threads: 1 },
      ...{ maxBlockBytes: 1e6, firstThreadCost: 0 },
    });
    t.teardown(() => verifier.close());
    const documents = ['thread', 'thread'].map((deed, height) =>
      oddDocument(height, `h${height}`, `h${height - 1}`, deed),
    );
    const { entry, body } = await tileSample(createRules(), documents);
    const threadsOf = async (bytes: Uint8Array, codec: string): Promise<readonly (number | null)[]> =>
      (await verifier.verify(entry, bytes, { codec })).headers.map(({ timestamp }) => timestamp);
    t.true((await threadsOf(body, 'gzip')).every((thread) => thread !== 0));
    t.deepEqual(await threadsOf(zstd().create().encode(ndjson(documents)), 'zstd'), [0, 0]);
  },
);

test('A body in a codec that is not here is not looked at', async (t) => {
  const { entry, body } = await tileSample(rules, blocksOf([10]));
  for (const threads of [0, 1])
    await t.throwsAsync(verifierOf(t, threads, []).verify(entry, body, { codec: 'zstd' }), {
      code: 'CODEC_UNAVAILABLE',
    });
});
