import test from 'ava';
import { whyHistory } from '../../src/engine/snapshot/weigh-history.js';

const MIB = 1024 * 1024;

test('history in tiles is preferred to a snapshot that is not much smaller, and the reason says how large both are', (t) => {
  const reason = whyHistory({ historyBytes: 150 * MIB, snapshotBytes: 100 * MIB, bytesPerSecond: null });
  t.regex(reason ?? '', /150\.0 MiB in tiles, and the snapshot 100\.0 MiB: .*nobody's signature/);
  t.not(whyHistory({ historyBytes: 50 * MIB, snapshotBytes: 100 * MIB, bytesPerSecond: 1 }), null);
});

test('a snapshot that is much smaller is taken, unless the line is so fast that it saves little', (t) => {
  const weights = { historyBytes: 1_000 * MIB, snapshotBytes: 100 * MIB };
  t.is(whyHistory({ ...weights, bytesPerSecond: null }), null);
  t.is(whyHistory({ ...weights, bytesPerSecond: 10 * MIB }), null);
  const reason = whyHistory({ ...weights, bytesPerSecond: 20 * MIB });
  t.regex(reason ?? '', /at 20\.0 MiB a second saves 45 s/);
});
