import test from 'ava';
import { PeerRecord } from '../../src/engine/peers/peer-record.js';
import { RateWatch } from '../../src/engine/peers/rate-watch.js';

const peer = { url: 'http://peer.test/sync', headers: {}, rollbacks: 'proved' } as const;

test('a peer that sends less than the minimum over 20 s of waiting is left, when there is another one', (t) => {
  const watch = new RateWatch(new PeerRecord(peer, 0, () => 0), 1000, () => true);
  for (let second = 0; second < 19; second++) watch.received(900, 1000);
  t.throws(
    () => {
      watch.received(900, 1000);
    },
    { code: 'PEER_SLOW' },
  );
});

test('a slow peer is kept when it is the only one', (t) => {
  const watch = new RateWatch(new PeerRecord(peer, 0, () => 0), 1000, () => false);
  t.notThrows(() => {
    for (let second = 0; second < 100; second++) watch.received(1, 1000);
  });
});

test('the time that this node needs for itself, and that in which no block is due, does not count', (t) => {
  const record = new PeerRecord(peer, 0, () => 0);
  const watch = new RateWatch(record, 1_000_000, () => true);
  for (let second = 0; second < 100; second++) watch.received(100_000, 10);
  t.is(record.bytesPerSecond.value, null);
  watch.live();
  t.is(Math.round(record.bytesPerSecond.value ?? 0), 10_000_000);
  for (let second = 0; second < 100; second++) watch.received(1, 1000);
  t.is(Math.round(record.bytesPerSecond.value ?? 0), 10_000_000);
});
