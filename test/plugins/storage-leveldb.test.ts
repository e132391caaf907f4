import test from 'ava';
import { storageCompliance } from '../../src/testing/compliance/storage.js';
import { LONG_STORAGE_CASES } from '../helpers/long-storage-cases.js';
import { levelFixture } from '../helpers/storage-fixtures.js';

const fixture = levelFixture();
test.after.always('The folders are removed', () => {
  fixture.clean();
});

for (const each of storageCompliance(fixture).filter(({ id }) => !LONG_STORAGE_CASES.test(id)))
  test(`leveldb ${each.id}: ${each.title}`, async (t) => {
    await t.notThrowsAsync(each.run());
  });
