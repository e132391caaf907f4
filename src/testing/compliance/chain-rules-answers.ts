import assert from 'node:assert/strict';
import type { BlockHeader } from '../../contracts/index.js';
import type { ChainRulesFixture } from './chain-rules-fixture.js';
import { assertRefused } from './chain-rules-refusal.js';

export function chainIsRead({ rules, documents }: ChainRulesFixture): void {
  assert.ok(documents.length >= 2, 'the fixture needs two documents at least');
  let parent: BlockHeader | null = null;
  for (const [height, document] of documents.entries()) {
    const header = rules.describe(document);
    assert.equal(header.height, height);
    assert.notEqual(header.hash, '');
    assert.ok(header.timestamp === null || Number.isSafeInteger(header.timestamp), 'timestamp is no integer');
    const previousHash: string | null = parent === null ? rules.genesisPreviousHash : parent.hash;
    if (previousHash !== null) assert.equal(header.previousHash, previousHash, `parent of block ${height}`);
    parent = header;
  }
}

export function verifyAgrees({ rules, documents }: ChainRulesFixture): void {
  for (const document of documents) {
    const header = rules.describe(document);
    const { height, hash } = header;
    for (const expected of [null, {}, { height }, { hash }, { height, hash }]) {
      assert.deepEqual(rules.verify(document, expected), header);
    }
  }
}

export function heightIsChecked({ rules, documents }: ChainRulesFixture): void {
  for (const [at, document] of documents.entries()) {
    const { hash } = rules.describe(document);
    for (const expected of [{ height: at + 1 }, { height: at === 0 ? 7 : 0 }, { height: at + 1, hash }]) {
      assertRefused(() => rules.verify(document, expected), 'HEIGHT_MISMATCH', `expected ${expected.height}`);
    }
  }
}

export function hashIsChecked({ rules, documents }: ChainRulesFixture): void {
  const hashes = documents.map((document) => rules.describe(document).hash);
  for (const [height, document] of documents.entries()) {
    const hash = hashes[(height + 1) % hashes.length] ?? '';
    for (const expected of [{ hash }, { height, hash }, { height, hash: '' }]) {
      assertRefused(() => rules.verify(document, expected), 'HASH_MISMATCH', `expected ${expected.hash}`);
    }
  }
}

export function bytesAreKept({ rules, documents }: ChainRulesFixture): void {
  for (const document of documents) {
    const before = document.slice();
    rules.describe(document);
    rules.verify(document, null);
    assert.ok(Buffer.from(before).equals(document), 'the document was modified');
  }
}

export function answersRepeat({ rules, documents }: ChainRulesFixture): void {
  const first = documents.map((document) => rules.verify(document, null));
  const broken = documents[0]?.subarray(1) ?? new Uint8Array();
  for (let at = documents.length - 1; at >= 0; at--) {
    assertRefused(() => rules.verify(broken, null), null, 'a document without its first byte');
    const document = documents[at] ?? new Uint8Array();
    assert.deepEqual(rules.verify(document, null), first[at]);
    assert.deepEqual(rules.describe(document), first[at]);
  }
}

export function viewsAreRead({ rules, documents }: ChainRulesFixture): void {
  for (const document of documents) {
    const header = rules.verify(document, null);
    for (const offset of [1, 2, 3, 5, 8]) {
      const room = new Uint8Array(document.length + 2 * offset).fill(0x22);
      room.set(document, offset);
      const view = room.subarray(offset, offset + document.length);
      assert.deepEqual(rules.verify(view, null), header, `at offset ${offset}`);
      assert.deepEqual(rules.describe(Buffer.from(room.buffer, offset, document.length)), header);
    }
  }
}
