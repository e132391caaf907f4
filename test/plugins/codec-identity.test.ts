import test from 'ava';
import { identity } from '../../plugins/codec-identity/index.js';
import { codecCompliance } from '../../src/testing/compliance/codec.js';

const codec = identity().create();

for (const requirement of codecCompliance({ codec })) {
  test(`identity ${requirement.id}: ${requirement.title}`, async (t) => {
    await t.notThrowsAsync(requirement.run());
  });
}

test('identity hands the same bytes on without a copy', (t) => {
  const document = Uint8Array.of(1, 2, 3);
  t.is(codec.encode(document), document);
  t.is(codec.decode(document, { maxOutputBytes: 3 }), document);
  t.is(codec.supports.contentEncoding, null);
});
