import test from 'ava';
import { Pace } from '../../plugins/transport-tile/client/pace.js';
import type { PartialBody } from '../../plugins/transport-tile/client/partial-body.js';
import { Room } from '../../plugins/transport-tile/client/room.js';
import { Slot } from '../../plugins/transport-tile/client/slot.js';
import { Source } from '../../plugins/transport-tile/client/source.js';
import type { Peer } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';

const entry = { from: 0, to: 1, hash: 'a', documentBytes: 10, bytes: 10, digest: null };
const planned = { entry, isTail: false };
type Attempt = Parameters<Slot['begin']>[0];
type Brought = Parameters<Slot['verified']>[1];
const attempt = (progressAt: number | null = 0, more: object = {}): Attempt =>
  ({ progressAt, partial: null, source: source(true), ...more }) as unknown as Attempt;
const brought = { tile: entry } as unknown as Brought;
const partialOf = (peer: Peer, byteLength: number): PartialBody => {
  return { peer, etag: '"a"', bytes: new Uint8Array(byteLength) };
};

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

const source = (asked: boolean, url = 'http://a'): Source =>
  new Source({ url, headers: {} }, { from: 0, to: 1, tail: null }, asked);
const cut = new SyncError('STREAM_TRUNCATED', 'cut');

test('requests that are cut off together are one failure; three in a row end it', (t) => {
  const peer = source(true);
  const startedAt = performance.now() - 1;
  const later = (ms: number): { startedAt: number; hasMore: boolean } => {
    return { startedAt: performance.now() + ms, hasMore: false };
  };
  t.false(peer.stumbled(cut, { startedAt, hasMore: false }));
  for (let more = 0; more < 5; more++) t.false(peer.stumbled(cut, { startedAt, hasMore: false }));
  t.false(peer.isFree);
  t.false(peer.stumbled(cut, later(1)));
  peer.worked(1, 1);
  t.false(peer.stumbled(cut, later(2)));
  t.false(peer.stumbled(cut, later(3)));
  t.true(peer.stumbled(cut, later(4)));
});

test('a request that is cut off and has brought something to go on from is the first failure in a row', (t) => {
  const peer = source(true);
  for (let ms = 0; ms < 9; ms++)
    t.false(peer.stumbled(cut, { startedAt: performance.now() + 1000 + ms, hasMore: true }));
  const last = { startedAt: performance.now() + 2000, hasMore: false };
  t.false(peer.stumbled(cut, last));
  t.true(peer.stumbled(cut, last));
});

test('what is left of a cut request is gone on from with the peer that sent it, and with no other', (t) => {
  const slot = new Slot(planned, null);
  const [one, two] = [source(true, 'http://a'), source(false, 'http://b')];
  const first = attempt(0, { source: one, partial: partialOf(one.peer, 100_000) });
  slot.begin(first);
  t.true(slot.drop(first));
  t.is(slot.partialOf(two.peer), null);
  t.is(slot.partialOf(one.peer)?.bytes.byteLength, 100_000);
  // Another one does worse: the longer one stays.
  const worse = attempt(0, { source: two, partial: partialOf(two.peer, 90_000) });
  slot.begin(worse);
  t.false(slot.drop(worse));
  t.is(slot.partialOf(one.peer)?.bytes.byteLength, 100_000);
  // Nobody can go on from it any more.
  one.out = cut;
  slot.begin(worse);
  t.false(slot.drop(worse));
  t.is(slot.partialOf(one.peer), null);
  t.is(slot.partialOf(two.peer)?.bytes.byteLength, 90_000);
});

test('only 64 KiB more than ever before are progress, also where the peer begins anew each time', (t) => {
  const slot = new Slot(planned, null);
  const peer = source(true);
  const cutAt = (byteLength: number): boolean => {
    const each = attempt(0, { source: peer, partial: partialOf(peer.peer, byteLength) });
    slot.begin(each);
    return slot.drop(each);
  };
  t.deepEqual([1, 65_535, 65_536, 65_537, 131_071, 70_000, 131_072].map(cutAt), [
    ...[false, false, true, false],
    ...[false, false, true],
  ]);
});

test('two requests for a tile and what is left of a third would be three bodies: that is forgotten', (t) => {
  const slot = new Slot(planned, null);
  const [one, two] = [source(true, 'http://a'), source(false, 'http://b')];
  const first = attempt(0, { source: one, partial: partialOf(one.peer, 100) });
  slot.begin(first);
  slot.drop(first);
  const others = [attempt(0, { source: two }), attempt(0, { source: two })] as const;
  slot.begin(others[0]);
  t.is(slot.partialOf(one.peer)?.bytes.byteLength, 100);
  slot.begin(others[1]);
  t.is(slot.partialOf(one.peer), null);
  t.is(slot.kept, null);
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
