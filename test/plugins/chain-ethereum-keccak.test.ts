import { randomBytes } from 'node:crypto';
import test from 'ava';
import { keccak as theirs } from 'hash-wasm';
import { keccak, keccakBytes, toHex } from '../../plugins/chain-ethereum/keccak.js';

/** Around the rate of Keccak-256, and around the module's room. */
const LENGTHS = [0, 1, 32, 135, 136, 137, 271, 272, 273, 600, 4_194_303, 4_194_304, 4_194_305, 9_000_000];

test('Keccak-256 is that of hash-wasm, for every length around its borders', async (t) => {
  for (const length of LENGTHS) {
    const bytes = randomBytes(length);
    const expected = `0x${await theirs(bytes, 256)}`;
    t.is(keccak(bytes), expected, String(length));
    t.is(toHex(keccakBytes(bytes)), expected, String(length));
  }
});

test('a hash is not changed by the next one', (t) => {
  const first = keccakBytes(Buffer.from('a'));
  const before = toHex(first);
  keccakBytes(Buffer.from('b'));
  t.is(toHex(first), before);
});
