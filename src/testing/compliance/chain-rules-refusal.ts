import assert from 'node:assert/strict';
import type { ChainRules } from '../../contracts/index.js';
import { type ErrorCode, isSyncError } from '../../errors/index.js';

/** Asserts that a call throws a `SyncError` of this code, or of any where none is given. */
export function assertRefused(call: () => unknown, code: ErrorCode | null, what: string): void {
  try {
    call();
  } catch (error) {
    assert.ok(isSyncError(error), `${what}: threw ${String(error)}, which is no SyncError`);
    if (code !== null) assert.equal(error.code, code, `${what}: ${error.message}`);
    return;
  }
  assert.fail(`${what}: accepted`);
}

/** Asserts that neither `describe` nor `verify` takes these bytes for a document. */
export function assertMalformed(rules: ChainRules, bytes: Uint8Array, what: string): void {
  assertRefused(() => rules.describe(bytes), 'BLOCK_MALFORMED', `describe, ${what}`);
  assertRefused(() => rules.verify(bytes, null), 'BLOCK_MALFORMED', `verify, ${what}`);
}

/** The document to damage byte by byte. */
export function smallest(documents: readonly Uint8Array[]): Uint8Array {
  const [first, ...rest] = documents;
  assert.ok(first !== undefined, 'the fixture has no documents');
  return rest.reduce((least, next) => (next.length < least.length ? next : least), first);
}
