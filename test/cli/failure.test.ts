import test from 'ava';
import { SyncError } from '../../src/errors/index.js';
import { failureLines, failureOf, UsageError } from '../../src/cli/exit.js';

test('a defect is told with where it happened', (t) => {
  const root = new RangeError('of all things');
  const failure = failureOf(
    new SyncError('INTERNAL', 'It failed.', { cause: new Error('why', { cause: root }) }),
  );
  t.is(failure.trace, root.stack ?? '');
  const [first, , ...trace] = failureLines(failure);
  t.is(first, 'INTERNAL: It failed.');
  t.is(trace[0], 'RangeError: of all things');
  t.regex(trace[1] ?? '', /failure\.test/);
});

test('anything thrown that is not known is a defect too', (t) => {
  const error = new RangeError('out');
  t.like(failureOf(error), { code: 'INTERNAL', message: 'out', trace: error.stack });
});

test('what can happen is told without a trace', (t) => {
  const gone = new SyncError('PEER_UNREACHABLE', 'Gone.', { cause: new Error('why') });
  t.is(failureOf(gone).trace, null);
  t.is(failureLines(failureOf(gone)).length, 2);
  t.deepEqual(failureLines(failureOf(new UsageError('No.'))), ['USAGE: No.', 'See --help.']);
});
