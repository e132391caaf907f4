import test from 'ava';
import { Scope } from '../../src/di/scope.js';
import { token } from '../../src/di/token.js';

interface Part {
  readonly name: string;
}
const A = token<Part>('test-a');
const B = token<Part>('test-b');

test('a part is made once, when it is first asked for', (t) => {
  let made = 0;
  const scope = new Scope();
  scope.provide(A, () => ({ name: `a${++made}` }));
  t.is(made, 0);
  t.is(scope.get(A), scope.get(A));
  t.is(made, 1);
});

test('two scopes share nothing', (t) => {
  const [one, two] = [new Scope(), new Scope()];
  one.provide(A, () => ({ name: 'one' }));
  two.provide(A, () => ({ name: 'two' }));
  t.is(one.get(A).name, 'one');
  t.is(two.get(A).name, 'two');
  two.provide(B, () => ({ name: 'b' }));
  t.throws(() => one.get(B), { message: /unregistered/i });
});

test('parts are closed in the reverse order of their making, once, and only those that were made', async (t) => {
  const closed: string[] = [];
  const close = (part: Part): Promise<void> => {
    closed.push(part.name);
    return Promise.resolve();
  };
  const scope = new Scope();
  scope.provide(A, () => ({ name: 'a' }), close);
  scope.provide(B, () => ({ name: `b on ${scope.get(A).name}` }), close);
  scope.provide(token<Part>('test-unused'), () => ({ name: 'unused' }), close);
  scope.get(B);
  await Promise.all([scope.close(), scope.close()]);
  t.deepEqual(closed, ['b on a', 'a']);
});

test('a part that fails to close does not keep the others open', async (t) => {
  const closed: string[] = [];
  const scope = new Scope();
  scope.provide(
    A,
    () => ({ name: 'a' }),
    () => {
      closed.push('a');
      return Promise.resolve();
    },
  );
  scope.provide(
    B,
    () => ({ name: 'b' }),
    () => Promise.reject(new Error('stuck')),
  );
  scope.get(A);
  scope.get(B);
  await t.throwsAsync(scope.close(), { message: 'stuck' });
  t.deepEqual(closed, ['a']);
});
