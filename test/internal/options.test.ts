import test from 'ava';
import {
  boolean,
  checkDistinct,
  duration,
  func,
  height,
  integer,
  list,
  MAX_TIMER_MS,
  nullable,
  number,
  object,
  objectWith,
  oneOf,
  optional,
  pluginOf,
  readOptions,
  text,
  textOr,
  withDefault,
} from '../../src/internal/options/index.js';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';

const spec = {
  name: text(),
  mode: withDefault(oneOf(['auto', 'stream']), 'auto'),
  to: optional(height()),
  follow: withDefault(boolean(), false),
  limits: object({
    maxBytes: withDefault(integer({ min: 1 }), 64),
    idleMs: withDefault(duration(), 1000),
  }),
  codecs: withDefault(list(textOr(text('a name'), pluginOf('codec')), { min: 1 }), []),
};

const read = (value: unknown): unknown => readOptions('make', value, spec);

const refused = test.macro({
  exec(t, value: unknown, message: string) {
    t.is(t.throws(() => read(value), { instanceOf: TypeError }).message, message);
  },
  title: (_given, _value, message: string) => `refused: ${message}`,
});

test('what is left out has its default, and the result is complete and frozen', (t) => {
  const passed = { name: 'x', limits: { maxBytes: 1 } };
  const result = readOptions('make', passed, spec);
  t.deepEqual(result, {
    name: 'x',
    mode: 'auto',
    to: null,
    follow: false,
    limits: { maxBytes: 1, idleMs: 1000 },
    codecs: [],
  });
  t.true(Object.isFrozen(result) && Object.isFrozen(result.limits));
  t.false(Object.isFrozen(passed) || Object.isFrozen(passed.limits));
  passed.limits.maxBytes = 2;
  t.is(result.limits.maxBytes, 1);
});

test('each member is read once, also where it is inherited or a getter', (t) => {
  let reads = 0;
  class Options {
    get name(): string {
      reads += 1;
      return 'x';
    }
    method(): void {
      t.fail();
    }
  }
  t.like(read(new Options()), { name: 'x' });
  t.is(reads, 1);
  t.like(read(Object.create({ name: 'y' })), { name: 'y' });
  t.throws(() => read(Object.create({ name: 'y', folow: true })), { message: /`folow` is not an option/ });
});

test(
  refused,
  undefined,
  'make: the argument is missing; it must be an object {name, mode, to, follow, limits, codecs}.',
);
test(
  refused,
  null,
  'make: the argument must be an object {name, mode, to, follow, limits, codecs}, not null.',
);
test(
  refused,
  [],
  'make: the argument must be an object {name, mode, to, follow, limits, codecs}, not an empty array.',
);
test(
  refused,
  Promise.resolve({}),
  'make: the argument must be an object {name, mode, to, follow, limits, codecs}, not a Promise (is an `await` missing?).',
);
test(refused, {}, 'make: `name` is missing; it must be a text that is not empty.');
test(refused, { name: '' }, 'make: `name` must be a text that is not empty, not "".');
test(refused, { name: 'x', folow: true }, 'make: `folow` is not an option; did you mean `follow`?');
test(refused, { name: 'x', TO: 1 }, 'make: `TO` is not an option; did you mean `to`?');
test(
  refused,
  { name: 'x', limits: { max: 1 } },
  'make: `limits.max` is not an option; did you mean `limits.maxBytes`?',
);
test(
  refused,
  { name: 'x', limits: { size: 1 } },
  'make: `limits.size` is not an option; there are `limits.maxBytes`, `limits.idleMs`.',
);
test(
  refused,
  { name: 'x', limits: { maxBytes: '1mb' } },
  'make: `limits.maxBytes` must be an integer from 1 to 2^53−1, not "1mb".',
);
test(
  refused,
  { name: 'x', limits: { idleMs: 2 ** 31 } },
  'make: `limits.idleMs` must be a number of milliseconds from 1 to 2147483647, not 2147483648.',
);
test(refused, { name: 'x', limits: null }, 'make: `limits` must be an object {maxBytes, idleMs}, not null.');
test(refused, { name: 'x', mode: 'straem' }, 'make: `mode` can\'t be "straem"; did you mean "stream"?');
test(refused, { name: 'x', mode: 'fast' }, 'make: `mode` can\'t be "fast"; there are "auto", "stream".');
test(refused, { name: 'x', mode: true }, 'make: `mode` must be "auto" or "stream", not true.');
test(refused, { name: 'x', follow: 'yes' }, 'make: `follow` must be true or false, not "yes".');
test(
  refused,
  { name: 'x', to: '10' },
  'make: `to` must be a height, which is an integer from 0 to 2^53−1, not "10".',
);
test(
  refused,
  { name: 'x', codecs: 'gzip' },
  'make: `codecs` must be an array of at least 1 (each a name, or a codec plugin), not "gzip".',
);
test(
  refused,
  { name: 'x', codecs: [] },
  'make: `codecs` must be an array of at least 1 (each a name, or a codec plugin), not an empty array.',
);
test(
  refused,
  { name: 'x', codecs: ['a', gzip] },
  'make: `codecs[1]` must be a codec plugin, not the function gzip (call it first, as in gzip()?).',
);
test(
  refused,
  { name: 'x', codecs: [memoryStorage()] },
  'make: `codecs[0]` must be a codec plugin, not the storage plugin memory.',
);

test('a plugin of other contracts is incompatible', (t) => {
  const old = { ...gzip(), apiVersion: 2 };
  t.throws(() => read({ name: 'x', codecs: [old] }), {
    code: 'PLUGIN_INCOMPATIBLE',
    message: /`codecs\[0\]`/,
  });
});

test('every kind of value has bounds', (t) => {
  const where = { owner: 'make', path: 'x' };
  const bad = (value: unknown, read: (value: unknown) => unknown): void => {
    t.throws(() => read(value), { instanceOf: TypeError, message: /^make: `x` / }, String(value));
  };
  for (const value of [Number.NaN, Infinity, -1, 1.5, '1', 1n, null, undefined, 2 ** 53])
    bad(value, (given) => integer().read(given, where));
  for (const value of [Number.NaN, Infinity, 0, '1', null])
    bad(value, (given) => duration().read(given, where));
  for (const value of [Number.NaN, Infinity, -0.1]) bad(value, (given) => number().read(given, where));
  for (const value of [0, 1, 'true', null]) bad(value, (given) => boolean().read(given, where));
  for (const value of [{}, 'f', null]) bad(value, (given) => func().read(given, where));
  for (const value of [{}, { sign: 1 }, (): void => undefined])
    bad(value, (given) => objectWith<{ sign(): void }>('a signer', ['sign']).read(given, where));
  t.is(duration().read(MAX_TIMER_MS, where), MAX_TIMER_MS);
  t.is(nullable(integer()).read(null, where), null);
  bad(undefined, (given) => nullable(integer()).read(given, where));
});

test('two items that are one are told by their places', (t) => {
  const where = { owner: 'make', path: 'peers' };
  t.notThrows(() => {
    checkDistinct(['a', 'b'], where);
  });
  t.throws(
    () => {
      checkDistinct(['a', 'b', 'a'], where);
    },
    {
      message: 'make: `peers[2]` is the same as `peers[0]`: a.',
    },
  );
});
