import test from 'ava';
import { evmBft } from '../../plugins/chain-ethereum/index.js';
import { chainVectors, refusalBy } from '../helpers/evm-vectors.js';

const vectors = chainVectors();
const of = (refused: boolean): typeof vectors =>
  vectors.filter(({ refusal }) => (refusal !== null) === refused);

if (vectors.length === 0) {
  test.skip('Real blocks of the Ethereum family (skipped: vectors/chains is not on this machine)', () =>
    undefined);
} else {
  test('Every genuine block of the Ethereum family is taken, by every path that reads it', (t) => {
    t.true(of(false).length >= 18);
    for (const { name, rules, document } of of(false)) {
      t.is(refusalBy(rules, document), null, name);
      t.deepEqual(rules.describe(document), rules.verify(document, null), name);
    }
  });

  test('Every altered block is refused, for what was altered', (t) => {
    t.true(of(true).length >= 21);
    for (const { name, rules, document, refusal } of of(true)) {
      const found = refusalBy(rules, document);
      t.is(found?.code, refusal?.code, `${name}: ${String(found?.message)}`);
      t.regex(found?.message ?? '', refusal?.message ?? /^$/, name);
    }
  });

  test('A genuine block is refused where the configuration names other validators', (t) => {
    const list = [`0x${'11'.repeat(20)}`];
    for (const { name, document } of of(false).filter((vector) =>
      /qbft-5|ibft2|istanbul|goerli/.test(vector.name),
    )) {
      const rules = evmBft({ validators: [{ from: 0, list }] }).create();
      const { height, validators } = rules.describe(document);
      const code = validators === undefined ? 'SIGNATURE_INVALID' : 'VALIDATORS_CHANGED';
      t.is(refusalBy(rules, document), null, name);
      const { carrying } = rules;
      t.throws(() => carrying?.take(carrying.read(document), null), { code }, name);
      const there = evmBft({ validators: [{ from: height, list }] }).create();
      t.is(refusalBy(there, document)?.code, code, name);
    }
  });
}
