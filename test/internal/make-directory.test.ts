import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeDirectory } from '../../src/internal/node/make-directory.js';
import { tempDir } from '../helpers/temp-dir.js';

test('a directory and those above it are made, once or by many at one time', async (t) => {
  const directory = tempDir(t);
  const path = join(directory, 'a', 'b', 'c');
  await Promise.all([makeDirectory(path, 0o700), makeDirectory(path, 0o700), makeDirectory(join(path, 'd'))]);
  t.true(statSync(path).isDirectory());
  for (let round = 0; round < 100; round++) {
    const below = ['', 'b', 'b/c', 'b/c/d', 'b/c/d/e'].map((part) => join(directory, String(round), part));
    await t.notThrowsAsync(Promise.all([...below, ...below].map((each) => makeDirectory(each))));
  }
  await makeDirectory(path);
  await makeDirectory('/');
});

test('what can not be made is an error, also where the file system says that nothing is there', async (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  await t.throwsAsync(makeDirectory(file), { code: 'EEXIST' });
  await t.throwsAsync(makeDirectory(join(file, 'a')), { code: 'ENOTDIR' });
  if (process.platform !== 'linux') return;
  await t.throwsAsync(makeDirectory('/proc/blockferry'), { code: 'ENOENT' });
  await t.throwsAsync(makeDirectory('/proc/blockferry/a/b'), { code: 'ENOENT' });
});
