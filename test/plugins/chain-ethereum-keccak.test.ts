import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { keccak as theirs } from 'hash-wasm';
import { KECCAK_WASM } from '../../plugins/chain-ethereum/keccak-wasm.js';
import { keccak, keccakBytes, toHex } from '../../plugins/chain-ethereum/keccak.js';
import { projectRoot } from '../helpers/shared.js';

/** Around the rate of Keccak-256, and around the module's buffer. */
const LENGTHS = [0, 1, 32, 135, 136, 137, 600, 16_383, 16_384, 16_385, 50_000];

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

test('the module is the one that hash-wasm embeds', (t) => {
  const file = join(projectRoot, 'node_modules', 'hash-wasm', 'dist', 'keccak.umd.min.js');
  t.true(readFileSync(file, 'utf8').includes(`data:"${KECCAK_WASM}"`));
});
