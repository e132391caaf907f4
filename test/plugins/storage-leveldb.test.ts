import test from 'ava';
import { storageCompliance } from '../../src/testing/compliance/storage.js';
import { levelFixture } from '../helpers/storage-fixtures.js';

const fixture = levelFixture();
test.after.always('The folders are removed', () => {
  fixture.clean();
});

for (const each of storageCompliance(fixture))
  test(`leveldb ${each.id}: ${each.title}`, async (t) => {
    await t.notThrowsAsync(each.run());
  });
