import test from 'ava';
import { DEFAULT_RETRY } from '../../src/engine/backoff.js';
import { PeerBook } from '../../src/engine/peers/peer-book.js';
import { SyncError } from '../../src/errors/index.js';

const [one, two] = ['http://one.test/sync', 'http://two.test/sync'];

/** A book of two peers whose clock stands still until it is moved, and whose chance is always the longest wait. */
function bookOf(chance = 1): { readonly book: PeerBook; readonly clock: { ms: number } } {
  const clock = { ms: 0 };
  const peers = [one, two].map((url) => ({ url, headers: {}, rollbacks: 'proved' as const }));
  return {
    book: new PeerBook(peers, { retry: DEFAULT_RETRY, now: () => clock.ms, random: () => chance }),
    clock,
  };
}

function recordOf(book: PeerBook, url: string): NonNullable<ReturnType<PeerBook['find']>> {
  const record = book.find(url);
  if (record === null) throw new Error(`no ${url}`);
  return record;
}

const unreachable = new SyncError('PEER_UNREACHABLE', 'gone');

test('a peer that failed is left alone for longer and longer, and the other one is asked at once', (t) => {
  const { book, clock } = bookOf();
  t.deepEqual([book.next()?.record.peer.url, book.peek()?.waitMs], [one, 0]);
  for (const banMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    book.backOff(recordOf(book, one), unreachable);
    t.deepEqual([book.peek()?.record.peer.url, book.peek()?.waitMs], [two, 0]);
    t.is(book.info()[0]?.bannedForMs, banMs);
    clock.ms += banMs;
  }
});

test('when all are left alone, the one that may be asked first is waited for', (t) => {
  const { book } = bookOf();
  book.backOff(recordOf(book, one), unreachable.at({ retryAfterMs: 20_000 }));
  book.backOff(recordOf(book, two), unreachable);
  t.deepEqual([book.peek()?.record.peer.url, book.peek()?.waitMs], [two, 1000]);
});

test('a peer that asks for a longer pause gets it, and at most a quarter more', (t) => {
  const { book } = bookOf();
  book.backOff(recordOf(book, one), unreachable.at({ retryAfterMs: 40_000 }));
  t.is(book.info()[0]?.bannedForMs, 50_000);
});

test('a line that worked and is lost is tried often for three seconds, which do not count as failures', (t) => {
  const { book, clock } = bookOf();
  const record = recordOf(book, one);
  book.worked(record);
  for (; clock.ms < DEFAULT_RETRY.quickForMs; clock.ms += 300) {
    t.true(book.backOff(record, unreachable));
    t.is(book.info()[0]?.bannedForMs, 300);
  }
  t.is(record.failures, 0);
  t.false(book.backOff(record, unreachable));
  t.is(book.info()[0]?.bannedForMs, 1000);
});

test('a server that answers with a refusal is given time, also right after it worked', (t) => {
  const { book } = bookOf();
  const record = recordOf(book, one);
  book.worked(record);
  t.false(book.backOff(record, new SyncError('PEER_BUSY', 'busy')));
});

test('of peers that have not failed the fastest is asked, and before any is measured the first', (t) => {
  const { book } = bookOf();
  t.is(book.next()?.record.peer.url, one);
  recordOf(book, one).bytesPerSecond.add(1000);
  recordOf(book, two).bytesPerSecond.add(5000);
  t.is(book.next()?.record.peer.url, two);
  recordOf(book, two).failures = 1;
  t.is(book.next()?.record.peer.url, one);
});

test('a head that was not backed costs ten minutes, then twenty', (t) => {
  const { book } = bookOf();
  const record = recordOf(book, one);
  book.unproved(record);
  t.is(book.info()[0]?.bannedForMs, 600_000);
  book.unproved(record);
  t.is(book.info()[0]?.bannedForMs, 1_200_000);
});

test('the time from one connection that brings no block to the next doubles, after three', (t) => {
  const { book, clock } = bookOf();
  const record = recordOf(book, one);
  const waits = Array.from({ length: 9 }, () => {
    book.connected(record, clock.ms, -1);
    return book.info()[0]?.bannedForMs;
  });
  t.deepEqual(waits, [0, 0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  // One that lasted longer than that is followed by another at once.
  clock.ms = 30_000;
  book.connected(record, 0, -1);
  t.is(book.info()[0]?.bannedForMs, 0);
  // Blocks are what ends it, but not those that come again.
  book.connected(record, clock.ms, 7);
  t.is(record.idle, 0);
  book.connected(record, clock.ms, 5);
  book.connected(record, clock.ms, 7);
  t.is(record.idle, 2);
});

test('a line that is lost and stays away is tried ten times in the first minute at most', (t) => {
  const { book, clock } = bookOf(0);
  const record = recordOf(book, one);
  book.worked(record);
  book.connected(record, clock.ms, 0);
  book.backOff(record, unreachable);
  const times: number[] = [];
  for (;;) {
    clock.ms += Math.max(1, book.info()[0]?.bannedForMs ?? 0);
    if (clock.ms > 60_000) break;
    times.push(clock.ms);
    book.connected(record, clock.ms, 0);
    book.backOff(record, unreachable);
  }
  t.true(times.length <= 10, times.join());
  t.true((times[2] ?? Infinity) < 1000, times.join());
});

test('there is no hope when all were dropped, or when none has ever worked and each has refused three times', (t) => {
  const { book } = bookOf();
  const refusal = new SyncError('PEER_UNAUTHORIZED', 'no');
  for (let count = 0; count < 3; count++) {
    t.false(book.isHopeless);
    for (const url of [one, two]) book.backOff(recordOf(book, url), refusal);
  }
  t.true(book.isHopeless);
  book.worked(recordOf(book, one));
  t.false(book.isHopeless);
  for (const url of [one, two]) book.drop(recordOf(book, url), refusal);
  t.true(book.isHopeless);
  t.is(book.next(), null);
});
