import test, { type ExecutionContext } from 'ava';
import {
  type Chain,
  isSyncError,
  type MutableStateTable,
  openChain,
  type StateTransition,
  type SyncError,
} from '../../src/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';

const [block = new Uint8Array()] = sealedChain(1);

async function chainWith(t: ExecutionContext, apply: StateTransition['apply']): Promise<Chain> {
  const chain = await openChain({ storage: { use: 'memory' }, stateTransition: { apply } });
  t.teardown(() => chain.close());
  return chain;
}

/** Stores one block whose transition does one thing. */
async function after(t: ExecutionContext, change: (accounts: MutableStateTable) => void): Promise<Chain> {
  const chain = await chainWith(t, (_block, { accounts }) => {
    change(accounts);
  });
  await chain.append([block]);
  return chain;
}

async function refusal(
  t: ExecutionContext,
  change: (accounts: MutableStateTable) => void,
): Promise<SyncError> {
  const chain = await chainWith(t, (_block, { accounts }) => {
    accounts.put('before', 1);
    change(accounts);
  });
  const error = await t.throwsAsync(chain.append([block]));
  if (!isSyncError(error, 'STATE_FAILED')) throw error;
  t.is(error.context.height, 0);
  t.true(error.cause instanceof TypeError, error.message);
  t.is(chain.tip().head, null);
  t.is(await chain.getState('accounts', 'before'), null);
  return error;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

class Money {
  readonly cents = 1;
}
const itself: unknown[] = [];
itself.push({ itself });

const REFUSED: readonly (readonly [what: string, value: unknown, message: RegExp])[] = [
  ['undefined', undefined, /hold undefined\.$/],
  ['an undefined member', { a: [{ 'b/c': undefined }] }, /hold undefined \(at \/a\/0\/b~1c\)\.$/],
  ['a hole', Array.from({ length: 2 }).fill(1, 1), /undefined \(at \/0\)/],
  ['NaN', [NaN], /NaN \(at \/0\)/],
  ['an infinity', -Infinity, /-Infinity/],
  ['a bigint', 1n, /a bigint/],
  ['a function', { f: () => 1 }, /a function \(at \/f\)/],
  ['a symbol', Symbol('s'), /a symbol/],
  ['a date', { at: new Date(0) }, /an instance of Date \(at \/at\)/],
  ['a map', new Map(), /an instance of Map/],
  ['an instance of a class', new Money(), /an instance of Money/],
  ['half a surrogate pair', ['\ud83d'], /half a surrogate pair \(at \/0\)/],
  ['a member name with half a surrogate pair', { '\udc00': 1 }, /member name with half a surrogate pair/],
  ['too many levels', nested(61), /more than 60 nested/],
  ['a value that contains itself', itself, /more than 60 nested/],
];

for (const [what, value, message] of REFUSED) {
  test(`\`put\` refuses ${what}, and nothing of the block is stored`, async (t) => {
    const error = await refusal(t, (accounts) => {
      accounts.put('key', value);
    });
    t.regex(error.message, message);
  });
}

const REFUSED_BYTES: readonly (readonly [what: string, text: string | Uint8Array])[] = [
  ['nothing', ''],
  ['no JSON', '{a:1}'],
  ['two values', '1 2'],
  ['what would be two members', '1,"w":2'],
  ['what would be the same member twice', '1,"v":2'],
  ['what would end the object', '1}'],
  ['what would begin another object', '1}{"v":1'],
  ['an open string', '"a'],
  ['a line break', '[1,\n2]'],
  ['a raw control character', '"\u0001"'],
  ['white space in front', ' 1'],
  ['white space behind', '1\t'],
  ['a byte order mark', '\ufeff1'],
  ['invalid UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
  ['half a surrogate pair', '"\\ud83d"'],
  ['too many levels', JSON.stringify(nested(61))],
];

for (const [what, text] of REFUSED_BYTES) {
  test(`\`putBytes\` refuses ${what}`, async (t) => {
    await refusal(t, (accounts) => {
      accounts.putBytes('key', typeof text === 'string' ? Buffer.from(text) : text);
    });
  });
}

const REFUSED_KEYS: readonly (readonly [what: string, key: unknown])[] = [
  ['an empty key', ''],
  ['a key that is no string', 7],
  ['half a surrogate pair', 'a\udc00'],
  ['1,025 bytes', 'a'.repeat(1025)],
  ['342 characters of three bytes', '☤'.repeat(342)],
];

for (const [what, key] of REFUSED_KEYS) {
  test(`a key is refused for ${what}, whatever is done with it`, async (t) => {
    await refusal(t, (accounts) => {
      accounts.put(key as string, 1);
    });
    await refusal(t, (accounts) => {
      accounts.delete(key as string);
    });
    const chain = await chainWith(t, async (_block, { contracts }) => {
      await contracts.get(key as string);
    });
    await t.throwsAsync(chain.append([block]), { code: 'STATE_FAILED', message: /key of the state/ });
  });
}

test('a value of more than 16 MiB is refused, one of 16 MiB is not', async (t) => {
  const longest = 'x'.repeat(16 * 1024 * 1024 - 2);
  const chain = await after(t, (accounts) => {
    accounts.put('key', longest);
  });
  t.is(await chain.getState('accounts', 'key'), longest);
  const put = (accounts: MutableStateTable): void => {
    accounts.put('key', `${longest}x`);
  };
  const putBytes = (accounts: MutableStateTable): void => {
    accounts.putBytes('key', Buffer.from(`"${longest}x"`));
  };
  for (const change of [put, putBytes])
    t.regex((await refusal(t, change)).message, /16777217 bytes, more than 16777216/);
});

test('the changes of one block have a bound, and what replaces a value does not add to it', async (t) => {
  const value = 'x'.repeat(15 * 1024 * 1024);
  await after(t, (accounts) => {
    for (let round = 0; round < 6; round++) accounts.put('key', value);
  });
  const error = await refusal(t, (accounts) => {
    for (let round = 0; round < 6; round++) accounts.put(`key-${round}`, value);
  });
  t.regex(error.message, /changes of one block come to more than 67108864 bytes/);
});

test('a refused change that the transition takes in its stride leaves the value as it was', async (t) => {
  const chain = await after(t, (accounts) => {
    accounts.put('key', 1);
    t.throws(
      () => {
        accounts.put('key', undefined);
      },
      { instanceOf: TypeError },
    );
  });
  t.is(await chain.getState('accounts', 'key'), 1);
});

test('values come back as they were put, to the byte where bytes were put', async (t) => {
  const values = [null, true, 0, -1.5e300, '', 'Zoë ☤ 😀\n', [], {}, { b: 1, a: [null] }, nested(60)];
  const raw = '{"n": 6.0,\t"s":"\\u0041"}';
  const longKey = '☤'.repeat(341) + 'a';
  const bytes = Buffer.from(raw);
  const chain = await after(t, (accounts) => {
    for (const [at, value] of values.entries()) accounts.put(`value-${at}`, value);
    accounts.putBytes(longKey, bytes);
    bytes.fill(0x20);
  });
  for (const [at, value] of values.entries())
    t.deepEqual(await chain.getState('accounts', `value-${at}`), value);
  t.deepEqual(await chain.getState('accounts', longKey), { n: 6, s: 'A' });
  const view = await chain.view();
  for await (const entries of view.entries('accounts')) {
    const stored = entries.find(({ key }) => key === longKey)?.value ?? new Uint8Array();
    t.is(Buffer.from(stored).toString(), raw);
  }
  await view.close();
});

test('a literal `null` and objects without a prototype or from `JSON.parse` are plain values', async (t) => {
  const chain = await after(t, (accounts) => {
    accounts.put('bare', Object.assign(Object.create(null) as object, { a: 1 }));
    accounts.put('proto', JSON.parse('{"__proto__":1}'));
  });
  t.deepEqual(await chain.getState('accounts', 'bare'), { a: 1 });
  t.is(JSON.stringify(await chain.getState('accounts', 'proto')), '{"__proto__":1}');
});
