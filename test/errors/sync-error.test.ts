import test from 'ava';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { raceAbort } from '../../src/internal/abort.js';

function deepInTheStore(): SyncError {
  return new SyncError('STORE_IO', 'The disk failed.', { cause: new Error('EIO'), peer: 'http://one.test' });
}

const firstFrame = ({ stack = '' }: Error): string => stack.split('\n')[1] ?? '';

/** The class as another copy of the package in the same process has it. */
async function otherCopy(): Promise<typeof SyncError> {
  const url = new URL('../../src/errors/sync-error.js?copy', import.meta.url);
  return ((await import(url.href)) as { SyncError: typeof SyncError }).SyncError;
}

test('an error that is told where it happened keeps the stack and the cause of where it was thrown', (t) => {
  const thrown = deepInTheStore();
  const located = thrown.at({ height: 3 }).at({ retryAfterMs: 100 });
  t.regex(firstFrame(thrown), /deepInTheStore/);
  t.is(firstFrame(located), firstFrame(thrown));
  t.is(located.stack, thrown.stack);
  t.is(located.cause, thrown.cause);
  t.deepEqual(located.context, { height: 3, retryAfterMs: 100, peer: 'http://one.test' });
  t.false(Object.keys(located).includes('stack'));
});

test('what an error already says stays, and the original says no more than before', (t) => {
  const thrown = deepInTheStore();
  const located = thrown.at({ peer: 'http://two.test', height: 3 });
  t.is(located.context.peer, 'http://one.test');
  t.deepEqual(thrown.context, { peer: 'http://one.test' });
});

test('errors of two copies of the package are understood by both', async (t) => {
  const Other = await otherCopy();
  const foreign = new Other('PEER_BUSY', 'Busy.');
  t.not(Other, SyncError);
  t.true(isSyncError(foreign));
  t.true(isSyncError(foreign, 'PEER_BUSY'));
  t.false(isSyncError(foreign, 'ABORTED'));
  const located: unknown = foreign.at({ height: 7 });
  t.true(isSyncError(located) && located.context.height === 7);
});

test('a wait that is called off with an error of another copy fails with that very error', async (t) => {
  const Other = await otherCopy();
  const controller = new AbortController();
  const waiting = raceAbort(new Promise(() => undefined), controller.signal);
  const reason = new Other('PEER_SLOW', 'Too slow.');
  controller.abort(reason);
  t.is(await t.throwsAsync(waiting), reason);
});

test('what only looks like an error of the package is none', (t) => {
  for (const value of [null, undefined, 'ABORTED', new Error('no'), { code: 'ABORTED', name: 'SyncError' }]) {
    t.false(isSyncError(value));
  }
});
