import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { BlockHeader, ChainRules } from '../../src/contracts/index.js';
import { isSyncError, type SyncError } from '../../src/errors/index.js';
import { dataTest } from './data-test.js';

/** Reads files of the vectors of chains. */
export type Vectors = (name: string) => Buffer;

/** Registers a test over the vectors of chains; it is skipped, with the reason, where they are not. */
export function vectorTest(title: string, run: (t: ExecutionContext, vectors: Vectors) => void): void {
  dataTest(title, 'vectors/chains', (t, folder) => {
    run(t, (name) => readFileSync(join(folder, name)));
  });
}

/** A document of a value. */
export function documentOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** What rules say of a document: its header, or the error that they refuse it with. */
export function verdictOf(rules: ChainRules, document: Uint8Array): BlockHeader | SyncError {
  try {
    return rules.verify(document, null);
  } catch (error) {
    if (isSyncError(error)) return error;
    throw error;
  }
}

/** Fails unless rules refuse a document with a code, and say why. */
export function assertRefused(
  t: ExecutionContext,
  rules: ChainRules,
  document: Uint8Array,
  [code, message]: readonly [code: string, message: RegExp],
  title: string,
): void {
  const verdict = verdictOf(rules, document);
  if (!isSyncError(verdict)) {
    t.fail(`${title}: taken as ${verdict.hash}`);
    return;
  }
  t.is<string, string>(verdict.code, code, `${title}: ${verdict.message}`);
  t.regex(verdict.message, message, title);
}
