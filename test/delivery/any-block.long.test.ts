import { randomInt } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { zstdSupported } from '../../plugins/codec-zstd/index.js';
import { chainOf, type BlockKind } from './block-kinds.js';
import { WAYS, type Delivery } from './ways.js';

const MIB = 1024 * 1024;
/** All of it takes minutes: `BLOCKFERRY_BLOCKS=whole`. */
const whole = process.env['BLOCKFERRY_BLOCKS'] === 'whole';
const seed = Number(process.env['BLOCKFERRY_SEED'] ?? randomInt(2 ** 31));
/** How many the seed draws otherwise, behind the fixed ones. */
const DRAWN = 2;
const WHOLE_MS = 180_000;

/** Around sizes where something changes: blocks stored as they are, free expansion, shared encodings, live events. */
const small = fc.oneof(
  fc.integer({ min: 0, max: 4096 }),
  fc.integer({ min: MIB - 300, max: MIB + 300 }),
  fc.integer({ min: MIB, max: 3 * MIB }),
);
const large = fc.oneof(
  fc.integer({ min: 16 * MIB - 300, max: 17 * MIB }),
  fc.integer({ min: 4 * MIB, max: 64 * MIB }),
  fc.constant(64 * MIB),
);
const bytes = whole
  ? fc.oneof({ weight: 3, arbitrary: small }, { weight: 1, arbitrary: large })
  : fc.oneof({ weight: 29, arbitrary: small }, { weight: 1, arbitrary: fc.constant(17 * MIB) });
const kind: fc.Arbitrary<BlockKind> = fc.record({
  bytes,
  content: fc.constantFrom('one byte', 'text', 'random'),
});
const codec = fc.constantFrom('identity', 'gzip', 'bzip2', ...(zstdSupported() ? ['zstd'] : []));

/** Fixed ones that every run begins with: blank pictures, behind each other, and one that can't be compressed. */
const blank: BlockKind = { bytes: 2 * MIB, content: 'one byte' };
const noise: BlockKind = { bytes: 100_000, content: 'random' };
const examples: [readonly BlockKind[], string, string][] = [
  [[noise, blank, blank], 'gzip', 'gzip'],
  [[blank, noise, blank], 'identity', 'bzip2'],
  [[noise, blank], 'bzip2', 'identity'],
];

for (const [way, deliver] of Object.entries(WAYS)) {
  test.serial(`what one node accepts, another takes with the same limit: ${way}`, async (t) => {
    t.timeout(10 * WHOLE_MS);
    t.log(`seed ${seed}`);
    const end = performance.now() + WHOLE_MS;
    let tried = 0;
    const each = fc.asyncProperty(
      fc.array(kind, { minLength: 1, maxLength: 3 }),
      codec,
      codec,
      async (kinds, storeCodec, asked) => {
        // The fixed ones are always tried; how many more of the whole, the time decides.
        if (whole && tried >= examples.length && performance.now() > end) return;
        await arrives(t, deliver, kinds, storeCodec, asked);
        tried++;
      },
    );
    const numRuns = whole ? 1000 : examples.length + DRAWN;
    await fc.assert(each, { seed, examples, numRuns, endOnFailure: true });
    t.log(`${tried} chains`);
  });
}

/** The limit is the size of the largest block, so that nothing but the limit lets it through. */
async function arrives(
  t: ExecutionContext,
  deliver: (delivery: Delivery) => Promise<readonly Uint8Array[]>,
  kinds: readonly BlockKind[],
  storeCodec: string,
  asked: string,
): Promise<void> {
  const documents = chainOf(kinds);
  const maxBlockBytes = Math.max(...documents.map(({ length }) => length));
  const arrived = await deliver({ t, documents, maxBlockBytes, storeCodec, asked });
  t.is(arrived.length, documents.length);
  // Not by `t.deepEqual`, which would print bodies of many MiB.
  const differing = [...documents.keys()].filter((height) => !isSame(documents[height], arrived[height]));
  t.deepEqual(differing, [], 'blocks that did not arrive as they were stored, by height');
}

function isSame(stored: Uint8Array | undefined, arrived: Uint8Array | undefined): boolean {
  return stored !== undefined && arrived !== undefined && Buffer.compare(stored, arrived) === 0;
}

test.serial('a live block above 16 MiB reaches a follower', async (t) => {
  const kinds: readonly BlockKind[] = [
    { bytes: 1000, content: 'text' },
    { bytes: 17 * MIB, content: 'random' },
    { bytes: 1000, content: 'text' },
  ];
  await arrives(t, WAYS['follow, live'] ?? (() => Promise.resolve([])), kinds, 'identity', 'identity');
});
