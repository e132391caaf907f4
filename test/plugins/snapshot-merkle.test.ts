import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { partsRoot } from '../../plugins/transport-snapshot/manifest.js';
import { MerkleTree } from '../../plugins/transport-snapshot/merkle.js';

function merkleRoot(leaves: readonly Uint8Array[]): Buffer {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

const sha256 = (...pieces: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(pieces)).digest();

/** RFC 6962, section 2.1, word by word: k is the largest power of two smaller than n. */
function mth(list: readonly Uint8Array[]): Buffer {
  const [only] = list;
  if (only === undefined) return sha256();
  if (list.length === 1) return sha256(Uint8Array.of(0), only);
  let k = 1;
  while (k * 2 < list.length) k *= 2;
  return sha256(Uint8Array.of(1), mth(list.slice(0, k)), mth(list.slice(k)));
}

/** The leaves and roots that the implementations of Certificate Transparency test with. */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('the tree hash is that of Certificate Transparency for 0 to 8 leaves', (t) => {
  const leaves = LEAVES.map((hex) => Buffer.from(hex, 'hex'));
  for (const [count, root] of ROOTS.entries())
    t.is(merkleRoot(leaves.slice(0, count)).toString('hex'), root, `${count} leaves`);
});

test('the tree hash is that of the RFC for any list', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 70 }), (leaves) => {
      t.is(merkleRoot(leaves).toString('hex'), mth(leaves).toString('hex'));
    }),
    { numRuns: 100 },
  );
});

test('the root of a manifest is over the hashes of the parts as bytes, not as text', (t) => {
  const hashes = [1, 2, 3].map((byte) => sha256(Uint8Array.of(byte)));
  t.is(partsRoot(hashes.map((hash) => ({ sha256: hash.toString('hex') }))), mth(hashes).toString('hex'));
});
