import test from 'ava';
import {
  type PartRequest,
  PartSlot,
  type SlotState,
} from '../../plugins/transport-snapshot/client/part-slot.js';

const PART = { offset: 0, length: 3, rawLength: 5, sha256: '' };
const BYTES = Uint8Array.of(1, 2, 3);

type Stage = SlotState['at'];

function request(): PartRequest {
  return { peer: { url: 'http://one.test/sync', headers: {} }, giveUp: () => undefined };
}

/** Slots in each state, and what was done with them to get there. */
const made: Readonly<Record<Stage, () => PartSlot>> = {
  kept: () => new PartSlot(0, PART, true),
  reading: () =>
    then(made.kept(), (slot) => {
      slot.read();
    }),
  due: () => new PartSlot(0, PART, false),
  fetching: () =>
    then(made.due(), (slot) => {
      slot.fetch(request());
    }),
  verified: () =>
    then(made.fetching(), (slot) => {
      slot.verified(BYTES);
    }),
  decoding: () =>
    then(made.verified(), (slot) => {
      slot.decode();
    }),
  decoded: () =>
    then(made.decoding(), (slot) => {
      slot.decoded(BYTES);
    }),
};

function then(slot: PartSlot, step: (slot: PartSlot) => void): PartSlot {
  step(slot);
  return slot;
}

/** Each transition: where it may begin, and where it ends. */
const transitions: readonly [step: (slot: PartSlot) => void, from: readonly Stage[], to: Stage][] = [
  [
    (slot) => {
      slot.read();
    },
    ['kept'],
    'reading',
  ],
  [
    (slot) => {
      slot.missing();
    },
    ['reading'],
    'due',
  ],
  [
    (slot) => {
      slot.fetch(request());
    },
    ['due', 'fetching'],
    'fetching',
  ],
  [
    (slot) => {
      slot.verified(BYTES);
    },
    ['reading', 'due', 'fetching'],
    'verified',
  ],
  [
    (slot) => {
      slot.decode();
    },
    ['verified'],
    'decoding',
  ],
  [
    (slot) => {
      slot.decoded(BYTES);
    },
    ['decoding'],
    'decoded',
  ],
];

test('a part goes from the disk or a peer to the reader by these steps, and by no other', (t) => {
  for (const [step, from, to] of transitions) {
    for (const [stage, make] of Object.entries(made) as [Stage, () => PartSlot][]) {
      const slot = make();
      t.is(slot.state.at, stage);
      const change = (): void => {
        step(slot);
      };
      if (from.includes(stage)) {
        t.notThrows(change, `${stage} → ${to}`);
        t.is(slot.state.at, to);
      } else {
        t.throws(change, { instanceOf: TypeError, message: `A part that is ${stage} can't be ${to} next.` });
        t.is(slot.state.at, stage);
      }
    }
  }
});

test('only the request that is to bring a part has a say in when it is due, and may give it back', (t) => {
  const [slow, fast] = [request(), request()];
  const slot = made.due();
  slot.fetch(slow);
  slot.dueNow(slow);
  slot.fetch(fast);
  t.false(slot.isOf(slow));
  slot.dueNow(slow);
  slot.giveBack(slow);
  t.like(slot.state, { at: 'fetching', dueSince: null });
  slot.giveBack(fast);
  t.deepEqual(slot.state, { at: 'due' });
  t.true(slot.isOpen());
  slot.verified(BYTES);
  t.false(slot.isOpen());
  slot.giveBack(fast);
  t.deepEqual(slot.state, { at: 'verified', encoded: BYTES });
});

test('what is decoded is all that is held of a part', (t) => {
  const slot = made.verified();
  t.is(slot.decode(), BYTES);
  t.deepEqual(slot.state, { at: 'decoding' });
  slot.decoded(Uint8Array.of(9));
  t.deepEqual(slot.state, { at: 'decoded', bytes: Uint8Array.of(9) });
});
