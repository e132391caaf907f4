import { SignatureCheck } from '#platform/signature';
import type { BlockSignatures } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { MAX_DEPTH, scanDocument } from '../../src/internal/json/index.js';
import { producerScheme } from '../../src/internal/producer-key-form.js';
import { HASHED_FROM } from './form.js';
import { readEnd, SIGNED_NAMES, type SignedEnd, signedPieces } from './signed.js';

/** Signatures of `sealed-json` blocks (protocol section 1.7). */
export class SealedSignatures implements BlockSignatures {
  readonly #check = new SignatureCheck();

  producerOf(document: Uint8Array): string | null {
    return readEnd(document)?.producer ?? null;
  }

  verify(document: Uint8Array): boolean {
    const end = readEnd(document);
    if (end === null || !isNamedOnce(document)) return false;
    return this.isSigned(signedPieces(document.subarray(HASHED_FROM, end.signedTo)), end);
  }

  /** Whether a signature is one of a producer over the SHA-256 of some pieces. */
  isSigned(
    pieces: readonly [string, Uint8Array],
    { producer, signature }: Omit<SignedEnd, 'signedTo'>,
  ): boolean {
    const scheme = producerScheme(producer);
    return scheme !== null && this.#check.isSigned(scheme, producer, pieces, signature);
  }
}

/** Readers of JSON differ on which of two members of one name counts. */
function isNamedOnce(document: Uint8Array): boolean {
  try {
    return scanDocument(document, { maxDepth: MAX_DEPTH, names: SIGNED_NAMES }).duplicates.size === 0;
  } catch (error) {
    if (isSyncError(error)) return false;
    throw error;
  }
}
