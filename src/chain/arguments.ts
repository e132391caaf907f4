import type { BlockRef } from '../contracts/index.js';
import { height, inside, isObject, text, unfit } from '../internal/options/index.js';

/** Checks what a host wants to append. @throws TypeError */
export function checkDocuments(documents: unknown): void {
  const where = { owner: 'append', path: 'documents' };
  if (!Array.isArray(documents)) throw unfit(where, "an array of documents' bytes", documents);
  const wrong = documents.findIndex((document: unknown) => !isBytes(document));
  if (wrong === -1) return;
  throw unfit(inside(where, `[${wrong}]`), 'the bytes of a document, a Uint8Array', documents[wrong]);
}

/** Checks the place that a host names; more members than a place has are no fault. @throws TypeError */
export function checkPlace(to: unknown): asserts to is BlockRef | null {
  if (to === null) return;
  const where = { owner: 'rollback', path: 'to' };
  if (!isObject(to)) throw unfit(where, 'a block {height, hash}, or null', to);
  height().read(to['height'], inside(where, '.height'));
  text().read(to['hash'], inside(where, '.hash'));
}

/** Whether something is bytes. Not `instanceof`: a host's bytes may be of another realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}
