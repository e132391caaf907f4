import test from 'ava';
import { storageCompliance } from '../../src/testing/compliance/storage.js';
import { memoryFixture } from '../helpers/storage-fixtures.js';

for (const each of storageCompliance(memoryFixture))
  test(`memory ${each.id}: ${each.title}`, async (t) => {
    await t.notThrowsAsync(each.run());
  });

test('The cases of the storage suite have unique ids and titles', (t) => {
  const cases = storageCompliance(memoryFixture);
  t.is(new Set(cases.map(({ id }) => id)).size, cases.length);
  t.is(new Set(cases.map(({ title }) => title)).size, cases.length);
  for (const { id } of cases) t.regex(id, /^ST-[0-9]{2,3}(\.[0-9])?$/);
});
