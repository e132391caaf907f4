import test from 'ava';
import { Pace } from '../../plugins/transport-tile/client/pace.js';
import { Room } from '../../plugins/transport-tile/client/room.js';
import { Slot } from '../../plugins/transport-tile/client/slot.js';
import { Source } from '../../plugins/transport-tile/client/source.js';
import { SyncError } from '../../src/errors/index.js';

const entry = { from: 0, to: 1, hash: 'a', documentBytes: 10, bytes: 10, digest: null };
const planned = { entry, isTail: false };
type Attempt = Parameters<Slot['begin']>[0];
type Brought = Parameters<Slot['verified']>[1];
const attempt = (progressAt: number | null = 0): Attempt => ({ progressAt }) as unknown as Attempt;
const brought = { tile: entry } as unknown as Brought;

test('a tile is due until a request brings it, and again when all requests for it have failed', (t) => {
  const slot = new Slot(planned, null);
  const [one, two] = [attempt(), attempt()];
  t.is(slot.state.at, 'due');
  slot.begin(one);
  slot.begin(two);
  t.deepEqual(slot.attempts, [one, two]);
  slot.drop(one);
  t.is(slot.state.at, 'fetching');
  slot.drop(two);
  t.is(slot.state.at, 'due');
  t.is(slot.begun, 2);
  slot.begin(one);
  slot.begin(two);
  t.deepEqual(slot.verified(two, brought), [one]);
  t.deepEqual(slot.attempts, []);
});

test('a tile that a request has brought whole is here, also while it is verified', (t) => {
  const slot = new Slot(planned, null);
  t.false(slot.isHere);
  slot.begin(attempt());
  t.false(slot.isHere);
  const whole = attempt(null);
  slot.begin(whole);
  t.true(slot.isHere);
  slot.verified(whole, brought);
  t.true(slot.isHere);
  t.true(new Slot(planned, brought).isHere);
});

test('transitions that a state does not allow are mistakes of the caller', (t) => {
  const due = new Slot(planned, null);
  t.throws(() => due.verified(attempt(), brought), { instanceOf: TypeError });
  t.throws(
    () => {
      due.drop(attempt());
    },
    { instanceOf: TypeError },
  );
  const verified = new Slot(planned, brought);
  t.throws(
    () => {
      verified.begin(attempt());
    },
    { instanceOf: TypeError },
  );
  t.throws(
    () => {
      verified.drop(attempt());
    },
    { instanceOf: TypeError },
  );
});

test('a request takes too long when nothing comes of it, or far less than of others', (t) => {
  const pace = new Pace(1000);
  const now = performance.now();
  const pending = { startedAt: now - 9000, progressAt: now, dueAt: now - 9000, bytes: 1000 };
  t.false(pace.isTooLong(pending));
  t.true(pace.isTooLong({ ...pending, progressAt: now - 1000 }));
  // Nobody has looked for as long: it may have come.
  t.false(pace.isTooLong({ ...pending, progressAt: now - 9000, dueAt: performance.now() }));
  t.true(pace.isTooLong({ ...pending, progressAt: now - 9000, dueAt: null }));
  pace.measured(1000, 1500);
  t.true(pace.isTooLong(pending));
  t.false(pace.isTooLong({ ...pending, bytes: 100_000 }));
  t.false(pace.isTooLong({ ...pending, progressAt: null }));
});

test('what the reader has in its hands is held until it is done with it', (t) => {
  const room = new Room(100, 30);
  t.true(room.has(70));
  room.take(50);
  t.false(room.has(21));
  room.hand(50);
  t.true(room.isHanded);
  t.false(room.has(21));
  room.taken();
  t.false(room.isHanded);
  t.true(room.has(70));
  room.release(30);
  t.true(room.has(100));
});

const source = (asked: boolean): Source =>
  new Source({
    peer: { url: 'http://a', headers: {} },
    tiles: { from: 0, to: 1, tail: null },
    asked,
    codecs: ['gzip'],
  });
const cut = new SyncError('STREAM_TRUNCATED', 'cut');

test('requests that are cut off together are one failure; three in a row end it', (t) => {
  const peer = source(true);
  const startedAt = performance.now() - 1;
  t.false(peer.stumbled(cut, startedAt));
  for (let more = 0; more < 5; more++) t.false(peer.stumbled(cut, startedAt));
  t.false(peer.isFree);
  t.false(peer.stumbled(cut, performance.now() + 1));
  peer.worked(1, 1);
  t.false(peer.stumbled(cut, performance.now() + 2));
  t.false(peer.stumbled(cut, performance.now() + 3));
  t.true(peer.stumbled(cut, performance.now() + 4));
});

test('another peer is asked for one tile before it is asked for more', (t) => {
  const other = source(false);
  t.false(other.has(entry));
  other.shares(entry);
  t.true(other.has(entry));
  t.true(other.isFree);
  other.busy = 1;
  t.false(other.isFree);
  other.worked(1000, 10);
  t.true(other.isFree);
  other.forget(entry);
  t.false(other.has(entry));
});
