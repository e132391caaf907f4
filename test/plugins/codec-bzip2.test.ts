import test from 'ava';
import { bzip2 } from '../../plugins/codec-bzip2/index.js';
import { codecCompliance } from '../../src/testing/compliance/codec.js';

const codec = bzip2().create();

for (const requirement of codecCompliance({ codec })) {
  test(`bzip2 ${requirement.id}: ${requirement.title}`, async (t) => {
    await t.notThrowsAsync(requirement.run());
  });
}
