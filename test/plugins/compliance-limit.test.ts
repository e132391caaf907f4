import test from 'ava';
import { limited } from '../../src/testing/compliance/limited.js';

test('a case of a suite that does not end fails by its name, and one that ends is left alone', async (t) => {
  const endless = { id: 'XX-01', title: 'It answers', run: () => new Promise<void>(() => undefined) };
  const [late, good, bad] = limited(
    [
      endless,
      { ...endless, run: () => Promise.resolve() },
      { ...endless, run: () => Promise.reject(new Error('its own')) },
    ],
    { caseLimitMs: 20 },
  );
  await t.throwsAsync(late?.run() ?? Promise.resolve(), {
    name: 'AssertionError',
    message: /XX-01 It answers/,
  });
  await t.notThrowsAsync(good?.run() ?? Promise.reject(new Error('no case')));
  await t.throwsAsync(bad?.run() ?? Promise.resolve(), { message: 'its own' });
});
