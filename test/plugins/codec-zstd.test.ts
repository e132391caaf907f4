import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { zstd, zstdSupported } from '../../plugins/codec-zstd/index.js';
import type { Codec } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { codecCompliance } from '../../src/testing/compliance/codec.js';
import { collect, mibOfText, samples } from '../../src/testing/compliance/codec-samples.js';
import { createCodecWorkers } from '../../src/workers/index.js';
import { cut, outcomes, runsAndNoise } from './codec-bzip2-support.js';

const limits = { maxOutputBytes: 64 * 1024 * 1024 };
const skipped = `skipped: Node ${process.versions.node} has no zstd`;

/** Registers a test that needs a Node with zstd. */
function withZstd(title: string, run: (t: ExecutionContext, codec: Codec) => unknown): void {
  if (!zstdSupported()) test.skip(`${title} (${skipped})`, () => undefined);
  else
    test(title, async (t) => {
      await run(t, zstd().create());
    });
}

if (zstdSupported()) {
  for (const requirement of codecCompliance({ codec: zstd().create() })) {
    test(`zstd ${requirement.id}: ${requirement.title}`, async (t) => {
      await t.notThrowsAsync(requirement.run());
    });
  }
} else {
  test.skip(`zstd meets the requirements of a codec (${skipped})`, () => undefined);

  test('zstd says which Node it needs where there is none, on threads too', async (t) => {
    const error = t.throws(() => zstd().create());
    t.true(isSyncError(error, 'CODEC_UNAVAILABLE'));
    t.regex(error.message, /needs Node 22\.15, 23\.8/);
    t.true(error.message.includes(process.versions.node));
    const workers = createCodecWorkers([zstd()], { threads: 1 });
    t.teardown(() => workers.close());
    await t.throwsAsync(workers.decode('zstd', new Uint8Array(1), limits), {
      code: 'CODEC_UNAVAILABLE',
      message: error.message,
    });
  });
}

test('zstd refuses levels that do not exist', (t) => {
  for (const level of [0, 23, 1.5, NaN]) t.throws(() => zstd({ level }), { instanceOf: TypeError });
});

withZstd('zstd gives back any bytes, however a stream of them is cut', async (t, codec) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(runsAndNoise, sizes, async (document, cuts) => {
      t.is(Buffer.compare(codec.decode(codec.encode(document), limits), document), 0);
      const encoded = await collect(codec.encodeStream(cut(document, cuts)));
      t.is(Buffer.compare(await collect(codec.decodeStream(cut(encoded, cuts), limits)), document), 0);
      t.is(Buffer.compare(codec.decode(encoded, limits), document), 0);
    }),
    { numRuns: 50 },
  );
});

withZstd('zstd decodes frames of every form of the length that they state, also at the limit', (t, codec) => {
  for (const length of [0, 1, 255, 256, 257, 16_383, 16_384, 65_791, 65_792, 300_000, 5_000_000]) {
    const document = Buffer.alloc(length, 'zstd and more ');
    const decoded = codec.decode(codec.encode(document), { maxOutputBytes: length });
    t.is(Buffer.compare(decoded, document), 0, `${length}`);
    if (length > 0)
      t.throws(() => codec.decode(codec.encode(document), { maxOutputBytes: length - 1 }), {
        code: 'CODEC_OUTPUT_TOO_LARGE',
      });
  }
});

withZstd('zstd takes no memory for what a short frame only says that it holds', (t, codec) => {
  // One segment of 1 GiB in 8 bytes, and a raw block of 3.
  const frame = Uint8Array.from([...MAGIC, 0xe0, 0, 0, 0, 64, 0, 0, 0, 0, ...BLOCK]);
  const before = process.memoryUsage().arrayBuffers;
  t.throws(() => codec.decode(frame, { maxOutputBytes: 2 ** 31 }), { code: 'CODEC_CORRUPT' });
  t.true(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

withZstd('zstd decodes what it makes at every level', (t, codec) => {
  const document = mibOfText();
  for (let level = 1; level <= 22; level++) {
    const encoded = zstd({ level }).create().encode(document);
    t.is(Buffer.compare(codec.decode(encoded, limits), document), 0, `level ${level}`);
  }
});

withZstd('zstd works on threads', async (t, codec) => {
  const workers = createCodecWorkers([zstd()], { threads: 1 });
  t.teardown(() => workers.close());
  for (const document of Object.values(samples())) {
    const decoded = await workers.decode('zstd', codec.encode(document), limits);
    t.is(Buffer.compare(decoded, document), 0);
  }
});

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
// A raw block of three bytes, the last one.
const BLOCK = [0x19, 0, 0, 0x61, 0x62, 0x63];
const frames: Record<string, [readonly number[], string]> = {
  'a frame of one segment': [[...MAGIC, 0x20, 3, ...BLOCK], '3 bytes'],
  'a frame with a window': [[...MAGIC, 0x00, 0x40, ...BLOCK], '3 bytes'],
  'a frame with a window of 8 MiB': [[...MAGIC, 0x00, 13 << 3, ...BLOCK], '3 bytes'],
  'a frame with a window of 9 MiB': [[...MAGIC, 0x00, (13 << 3) | 1, ...BLOCK], 'CODEC_CORRUPT'],
  'a frame with a dictionary': [[...MAGIC, 0x21, 1, 3, ...BLOCK], 'CODEC_CORRUPT'],
  'a frame with the reserved bit': [[...MAGIC, 0x28, 3, ...BLOCK], 'CODEC_CORRUPT'],
  'a frame that states another length': [[...MAGIC, 0x20, 4, ...BLOCK], 'CODEC_CORRUPT'],
  'a reserved block type': [[...MAGIC, 0x20, 3, 0x1f, 0, 0, 0x61, 0x62, 0x63], 'CODEC_CORRUPT'],
  'a skippable frame': [[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7], 'CODEC_CORRUPT'],
  'a skippable frame behind a frame': [
    [...MAGIC, 0x20, 3, ...BLOCK, 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7],
    'CODEC_CORRUPT',
  ],
  'an empty last block': [[...MAGIC, 0x20, 0, 0x01, 0, 0], '0 bytes'],
  'a frame without a last block': [[...MAGIC, 0x20, 3, 0x18, 0, 0, 0x61, 0x62, 0x63], 'CODEC_CORRUPT'],
};
for (const [title, [bytes, expected]] of Object.entries(frames)) {
  withZstd(`zstd ${expected.startsWith('CODEC') ? 'refuses' : 'takes'} ${title}`, async (t, codec) => {
    t.deepEqual(await outcomes(codec, Uint8Array.from(bytes), [1, 100]), [expected]);
  });
}
