import test from 'ava';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

const documents = sealedChain(5, (height) => ({ note: `height ${height} \u202e turned`, value: '6.0' }));

test('a block is printed byte for byte, the newest one where no height is named', async (t) => {
  const data = tempDir(t);
  await makeStore(data, documents);
  const second = await run(['get', '2', '--data', data]);
  t.is(second.code, 0, second.stderr);
  t.is(second.stderr, '');
  t.is(second.stdout.toString(), `${Buffer.from(documents[2] ?? []).toString()}\n`);
  const newest = await run(['get', '--data', data]);
  t.is(newest.stdout.toString(), `${Buffer.from(documents[4] ?? []).toString()}\n`);
});

test('with --pretty it is indented, and shows what a terminal would obey', async (t) => {
  const data = tempDir(t);
  await makeStore(data, documents);
  const { code, stdout } = await run(['get', '1', '--data', data, '--pretty']);
  t.is(code, 0);
  const text = stdout.toString();
  t.regex(text, /^\{\n {2}"hash": "[0-9a-f]{64}",\n {2}"height": 1,\n/);
  t.deepEqual(JSON.parse(text), JSON.parse(Buffer.from(documents[1] ?? []).toString()));
  t.true(text.includes('\\u202e'));
});

test('a height that the store has not is told with the newest one', async (t) => {
  const data = tempDir(t);
  await makeStore(data, documents);
  const { code, stdout, stderr } = await run(['get', '5', '--data', data]);
  t.is(code, 2);
  t.is(stdout.length, 0);
  t.regex(stderr, /The newest block of the store is 4\./);
});
