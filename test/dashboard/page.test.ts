import test from 'ava';
import fc from 'fast-check';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type { DashboardDocument } from '../../src/dashboard/document.js';
import { barsOf } from '../../src/dashboard/page/bar-figures.js';
import { History, pathsOf, scaleOf, smoothed } from '../../src/dashboard/page/curve.js';
import { bytesText, duration, rate, share } from '../../src/dashboard/page/format.js';
import { readSealed } from '../../src/dashboard/page/sealed-json.js';
import { sealedChain } from '../helpers/sealed-chain.js';

const ref = (height: number): { height: number; hash: string } => ({ height, hash: 'ab'.repeat(32) });

const EMPTY: DashboardDocument = {
  ...{ version: 1, at: 0, chain: 'sealed-json', chainId: null, phase: 'syncing', mode: null },
  ...{ stale: false, error: null, etaMs: null, base: 0, top: null, isClaim: true },
  ...{ here: null, confirmed: null, final: null, assumed: null },
  ...{ samples: [], peers: [], forks: [], snapshot: null, server: null, watchers: 0 },
};

test('a share is cut, so that 100 % is said of nothing but the whole', (t) => {
  t.is(share(10, 10), '100 %');
  t.is(share(999_999_999, 1_000_000_000), '99.9 %');
  t.is(share(0, 10), '0.0 %');
  t.is(share(0, 0), '');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e12 }), fc.nat(1e9), (whole, less) => {
      const part = Math.max(0, whole - 1 - less);
      return share(part, whole) !== '100 %';
    }),
  );
});

test('what a snapshot brought is in no share, and nothing has one while no head is known', (t) => {
  t.deepEqual(
    barsOf(EMPTY).map(({ share: part }) => part),
    ['', '', '', ''],
  );
  const whole = { ...EMPTY, top: 999, here: ref(999), confirmed: ref(999), final: ref(899) };
  t.deepEqual(
    barsOf(whole).map(({ share: part }) => part),
    ['100 %', '100 %', '90.0 %', ''],
  );
  const bars = barsOf({ ...whole, assumed: ref(899) });
  t.deepEqual(
    bars.map(({ share: part }) => part),
    ['10.0 %', '10.0 %', '0.0 %', ''],
  );
  t.deepEqual(
    bars.map(({ from, to, hatched }) => [from, to, hatched]),
    [
      [0.9, 1, 0.9],
      [0.9, 1, 0.9],
      [0.9, 0.9, 0.9],
      [0, 0, 0.9],
    ],
  );
});

test('what is below the base of a store does not count as here', (t) => {
  const [here] = barsOf({ ...EMPTY, base: 500, top: 999, here: ref(999) });
  t.is(here?.share, '50.0 %');
  t.is(here?.from, 0.5);
});

test('figures are written for people', (t) => {
  t.deepEqual([0, 4.25, 9.96, 1234.5].map(rate), ['0', '4.3', '10', '1,235']);
  t.deepEqual([0, 999, 1000, 123_456, 5e9].map(bytesText), ['0 B', '999 B', '1.0 kB', '123 kB', '5.0 GB']);
  t.deepEqual([300, 5_000, 61_000, 7_260_000, 5e8].map(duration), [
    '300 ms',
    '5 s',
    '1 min',
    '2 h 1 min',
    '5 days',
  ]);
});

test('the page computes the hash of a sealed block as the plugin does', (t) => {
  for (const document of sealedChain(5)) {
    const sealed = readSealed(document);
    t.is(sealed?.computed, sealed?.hash);
  }
  const payload = new TextEncoder().encode(`{"text":"${'é'.repeat(5000)}"}`);
  const { document, hash } = seal(payload, { height: 0, previousHash: SEALED_JSON_GENESIS });
  t.deepEqual(readSealed(document), {
    ...{ hash, computed: hash, height: 0, previousHash: SEALED_JSON_GENESIS },
  });
});

test('the page sees each byte of a sealed block that was altered', (t) => {
  const [document = new Uint8Array()] = sealedChain(1);
  for (let at = 0; at < document.length; at++) {
    const altered = new Uint8Array(document);
    altered[at] = (altered[at] ?? 0) ^ 1;
    const sealed = readSealed(altered);
    t.true(sealed === null || sealed.computed !== sealed.hash, `byte ${at}`);
  }
});

test('a curve has a gap where nothing was seen, and begins anew with a node that was started anew', (t) => {
  const history = new History();
  history.add([
    [1, 1000, 5, 50],
    [2, 2000, 6, 60],
  ]);
  history.add([[4, 4000, 8, 80]]);
  t.deepEqual(history.values(2).slice(-4), [5, 6, null, 8]);
  t.is(pathsOf(history.values(2), 8).line.match(/M/g)?.length, 2);
  history.add([[1, 9000, 3, 30]]);
  t.deepEqual(history.values(3).slice(-4), [null, null, null, 30]);
});

test('a curve is smoothed within what was seen, and loses nothing', (t) => {
  t.deepEqual(smoothed([null, 0, 10, 0, 10, 0, null, 4]), [null, 10 / 3, 5, 4, 5, 14 / 4, null, 2]);
});

test('a few seconds that brought very much do not flatten a curve', (t) => {
  const usual = Array.from({ length: 60 }, () => 10);
  t.is(scaleOf([...usual, 20_000]), 40);
  t.is(scaleOf([...usual.map((value, at) => (at % 12 === 0 ? value : 0)), 20_000]), 40);
  t.is(scaleOf([...usual, 12]), 12);
  t.is(scaleOf([null, 0, 0]), 0);
});
