import { createMPT } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import test from 'ava';
import fc from 'fast-check';
import { decode } from '../../plugins/chain-ethereum/rlp-decode.js';
import { encode, type Item } from '../../plugins/chain-ethereum/rlp.js';
import { listRoot } from '../../plugins/chain-ethereum/trie.js';

async function reference(values: readonly Uint8Array[]): Promise<Buffer> {
  const trie = await createMPT();
  for (const [index, value] of values.entries()) await trie.put(RLP.encode(index), value);
  return Buffer.from(trie.root());
}

/** Values of all lengths that nodes treat differently: with and without room for them in their parent. */
const value = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc.uint8Array({ minLength: 20, maxLength: 70 }),
  fc.uint8Array({ minLength: 200, maxLength: 400 }),
);

test('The root of a list is that of @ethereumjs/mpt', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 40 }), async (values) => {
      t.deepEqual(Buffer.from(listRoot(values)), await reference(values));
    }),
    { numRuns: 60 },
  );
});

test('The root of lists as long as where the form of their indices changes is that of @ethereumjs/mpt', async (t) => {
  for (const length of [0, 1, 2, 16, 17, 127, 128, 129, 130, 255, 256, 257, 272, 300]) {
    const values = Array.from({ length }, (_, index) => Buffer.alloc(1 + (index % 50), index + 1));
    t.deepEqual(Buffer.from(listRoot(values)), await reference(values), String(length));
  }
});

const item: fc.Arbitrary<Item> = fc.letrec<{ item: Item }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    fc.uint8Array({ maxLength: 3 }),
    fc.uint8Array({ minLength: 54, maxLength: 60 }),
    fc.array(tie('item'), { maxLength: 5 }),
  ),
})).item;

test('Items are encoded as by @ethereumjs/rlp, and decoded again', (t) => {
  fc.assert(
    fc.property(item, (one) => {
      const encoded = encode(one);
      t.deepEqual(Buffer.from(encoded), Buffer.from(RLP.encode(one as Uint8Array)));
      const again = decode(encoded);
      t.not(again, null);
      if (again !== null) t.deepEqual(encode(again), encoded);
    }),
  );
});

test('Only what encoding would give is decoded', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const decoded = decode(bytes);
      if (decoded !== null) t.deepEqual(encode(decoded), bytes);
    }),
    { numRuns: 3000 },
  );
  for (const hex of [
    '',
    '8100',
    '817f',
    'b800',
    'b80161',
    'f800',
    'c281',
    'b90038',
    'f80100',
    'bfffffffffffffffff',
    '6161',
  ])
    t.is(decode(Buffer.from(hex, 'hex')), null, hex);
});
