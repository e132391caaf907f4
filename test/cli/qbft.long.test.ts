import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { qbftChain } from '../helpers/qbft-chain.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';
import { allWays } from './qbft-ways.js';

const chain = await qbftChain(22, { addFrom: 5, removeFrom: 14 });
const PROVED = ['header', 'links', 'uncles', 'transactions', 'withdrawals', 'seals', 'validators'];

test('A chain of QBFT whose validators change goes every way byte for byte, and what is proved is told', async (t) => {
  t.is(chain.changes.length, 2);
  const { ways, status } = await allWays(t, tempDir(t), chain);
  for (const { name, finished, isEqual } of ways) {
    t.is(finished.code, 0, `${name}: ${finished.stderr}`);
    t.true(isEqual, name);
  }
  t.like(status, { authorship: 'carried', proves: PROVED });
  t.like(ways.find(({ name }) => name === 'verify')?.last, {
    blocks: 22,
    authorship: 'carried',
    proves: PROVED,
  });
});

test('A node that names other validators takes no block of the chain', async (t) => {
  const dir = tempDir(t);
  const [file, data] = [join(dir, 'options'), join(dir, 'a')];
  const list = chain.first.slice(1).map(({ address }) => address);
  writeFileSync(file, JSON.stringify({ validators: [{ from: 0, list }] }));
  const options = ['--chain', 'evm-bft', '--chain-options', file];
  const imported = await run(['import', '--data', data, ...options, '-'], ndjson(chain.documents));
  t.is(imported.code, 1);
  t.regex(imported.stderr, /VALIDATORS_CHANGED: Block 0 has the validators/);
});
