import test from 'ava';
import { AddressMap } from '../../plugins/chain-ethereum/bft/address-map.js';
import { begun, countedIn, renewed } from '../../plugins/chain-ethereum/bft/tally.js';
import { evmBft } from '../../plugins/chain-ethereum/index.js';
import type { ValidatorCarrying } from '../../src/contracts/index.js';

const addressOf = (number: number): string => `0x${number.toString(16).padStart(40, '0')}`;
/** Spread, as addresses are, and the same in every run. */
const spreadOf = (number: number): string =>
  `0x${((number * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0').repeat(5)}`;

const VALIDATORS = [1, 2, 3, 4].map(addressOf);
const voterOf = (height: number): string => VALIDATORS[height % 4] ?? '';

/** Slots of all that is reachable, each object counted once: what is copied is counted again. */
function slotsOf(roots: readonly object[]): number {
  const seen = new Set<object>(roots);
  let slots = 0;
  for (const each of seen)
    for (const value of Object.values(each)) {
      slots += 1;
      if (typeof value === 'object' && value !== null) seen.add(value as object);
    }
  return slots;
}

/** What each block of an epoch leaves, where each one has a vote about another address. */
function epochOf(blocks: number): readonly object[] {
  const rules = evmBft({ validators: [{ from: 0, list: VALIDATORS }], validatorChanges: 'carried' });
  const carrying = rules.create().carrying as ValidatorCarrying;
  const validators = VALIDATORS.join();
  let left = carrying.take({ height: 0, validators }, null);
  return Array.from({ length: blocks }, (_, index) => {
    const ballot = JSON.stringify({ by: voterOf(index), about: spreadOf(index), adds: true });
    left = carrying.take({ height: index + 1, validators, ballot }, left);
    return left;
  });
}

test('Twice as many blocks with votes leave twice as much to keep', (t) => {
  const [some, twice] = [slotsOf(epochOf(400)), slotsOf(epochOf(800))];
  t.true(twice < 2.5 * some, `${some} slots, then ${twice}`);
  // More than one per block is left at all.
  t.true(some > 400);
});

test('A vote is counted without a look at those about other addresses', (t) => {
  let looks = 0;
  const voteOf = (index: number) => ({
    get by() {
      looks += 1;
      return voterOf(index);
    },
    about: spreadOf(index),
    adds: true,
  });
  let tallies = begun(VALIDATORS, true);
  for (let index = 0; index < 1_000; index++) tallies = countedIn(tallies, voteOf(index), false);
  t.true(looks < 20 * 1_000, `${looks} looks`);
});

test('Ways to count that come to the same are one, when there are too many and when an epoch begins', (t) => {
  // Nobody knows the votes before: each that may have passed is counted both ways.
  let tallies = begun(VALIDATORS, false);
  let most = 0;
  for (let round = 0; round < 40; round++) {
    tallies = countedIn(tallies, { by: addressOf(1), about: addressOf(9), adds: round % 2 === 0 }, false);
    most = Math.max(most, tallies.length);
  }
  t.true(most <= 16);
  t.deepEqual([...new Set(tallies.map(({ validators }) => validators?.length))].sort(), [4, 5]);
  t.is(renewed(tallies).length, 4);
});

test('A map of addresses does what a Map does, and leaves those it was made of', (t) => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  // Half of them differ in their last digits only.
  const keys = Array.from({ length: 64 }, (_, index) =>
    index % 2 === 0 ? addressOf(index) : spreadOf(index),
  );
  let map = AddressMap.empty<number>();
  const model = new Map<string, number>();
  const kept: (readonly [AddressMap<number>, ReadonlyMap<string, number>])[] = [];
  for (let step = 0; step < 2_000; step++) {
    const key = keys[random(keys.length)] ?? '';
    if (random(2) === 0) {
      map = map.with(key, step);
      model.set(key, step);
    } else {
      const before = map;
      map = map.without(key);
      if (!model.delete(key)) t.is(map, before);
    }
    if (step % 100 === 0) kept.push([map, new Map(model)]);
  }
  kept.push([map, model]);
  for (const [one, other] of kept) {
    t.deepEqual([...one.values()].sort(), [...other.values()].sort());
    for (const key of keys) t.is(one.get(key), other.get(key) ?? null);
  }
  for (const key of keys) map = map.without(key);
  t.true(map.isEmpty);
});
