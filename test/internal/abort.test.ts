import { getEventListeners } from 'node:events';
import test from 'ava';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { onAbort, raceAbort, sleep } from '../../src/internal/abort.js';
import { LinkedAbort } from '../../src/internal/linked-abort.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

test('a callback runs once when the signal fires, and not after it was removed', (t) => {
  const controller = new AbortController();
  const calls: string[] = [];
  onAbort(controller.signal, () => calls.push('kept'));
  const remove = onAbort(controller.signal, () => calls.push('removed'));
  t.is(listeners(controller.signal), 2);
  remove();
  remove();
  t.is(listeners(controller.signal), 1);
  controller.abort();
  controller.abort();
  t.deepEqual(calls, ['kept']);
  t.is(listeners(controller.signal), 0);
});

test('a callback runs at once when the signal has fired, and leaves no listener', (t) => {
  const signal = AbortSignal.abort();
  let calls = 0;
  onAbort(signal, () => calls++)();
  t.is(calls, 1);
  t.is(listeners(signal), 0);
});

test('without a signal a callback never runs', (t) => {
  let calls = 0;
  onAbort(undefined, () => calls++)();
  t.is(calls, 0);
});

test('waits leave no listener behind, however they end', async (t) => {
  const controller = new AbortController();
  const { signal } = controller;
  await sleep(0, signal);
  await raceAbort(Promise.resolve(), signal);
  await t.throwsAsync(raceAbort(Promise.reject(new Error('no')), signal), { message: 'no' });
  t.is(listeners(signal), 0);
  const waits = [sleep(60_000, signal), raceAbort(new Promise(() => undefined), signal)];
  t.is(listeners(signal), 2);
  const reason = new SyncError('PEER_SLOW', 'Too slow.');
  controller.abort(reason);
  for (const wait of waits) t.is(await t.throwsAsync(wait), reason);
  t.is(listeners(signal), 0);
});

test('a linked signal fires with the outer one, and for its reason', (t) => {
  const outer = new AbortController();
  const linked = new LinkedAbort(outer.signal);
  const reason = new SyncError('PEER_SLOW', 'Too slow.');
  outer.abort(reason);
  t.is(linked.signal.reason, reason);
  t.is(new LinkedAbort(outer.signal).signal.reason, reason);
  t.is(listeners(outer.signal), 0);
});

test('a reason that is no error of the package becomes ABORTED, with the reason as its cause', (t) => {
  const { signal } = new LinkedAbort(AbortSignal.abort('enough'));
  t.true(isSyncError(signal.reason, 'ABORTED') && signal.reason.cause === 'enough');
});

test('a linked signal fires alone as well, and no more with the outer one once it was released', (t) => {
  const outer = new AbortController();
  const [alone, released] = [new LinkedAbort(outer.signal), new LinkedAbort(outer.signal)];
  alone.abort();
  released.release();
  t.true(alone.signal.aborted);
  t.is(listeners(outer.signal), 1);
  alone.release();
  outer.abort();
  t.false(released.signal.aborted);
  t.is((alone.signal.reason as Error).name, 'AbortError');
});
