import { createHash, createPublicKey, createVerify, type KeyObject, verify } from 'node:crypto';
import type { BlockSignatures } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { MAX_DEPTH, scanDocument } from '../../src/internal/json/index.js';
import { producerScheme } from '../../src/internal/producer-key-form.js';
import { HASHED_FROM } from './form.js';
import { readEnd, SIGNED_NAMES, type SignedEnd, signedPieces } from './signed.js';

/** What stands before the bytes of a key in its SubjectPublicKeyInfo (RFC 5480, section 2; RFC 8410, section 4). */
const BEFORE_KEY = {
  secp256k1: Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex'),
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
} as const;
/** Half the order of secp256k1: the greatest `s` that counts (BIP 146). */
const MAX_LOW_S = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0';
/** Keys that are kept ready; a chain has fewer producers. */
const MAX_KEYS = 256;

type Pieces = readonly [string, Uint8Array];

/** Signatures of `sealed-json` blocks (protocol section 1.7), by node:crypto. */
export class SealedSignatures implements BlockSignatures {
  /** Making a key costs a fifth of a check. */
  readonly #keys = new Map<string, KeyObject>();

  producerOf(document: Uint8Array): string | null {
    return readEnd(document)?.producer ?? null;
  }

  verify(document: Uint8Array): boolean {
    const end = readEnd(document);
    if (end === null || !isNamedOnce(document)) return false;
    return this.isSigned(signedPieces(document.subarray(HASHED_FROM, end.signedTo)), end);
  }

  /** Whether a signature is one of a producer over the SHA-256 of some pieces. */
  isSigned(pieces: Pieces, { producer, signature }: Omit<SignedEnd, 'signedTo'>): boolean {
    const scheme = producerScheme(producer);
    if (scheme === null) return false;
    const bytes = Buffer.from(signature, 'hex');
    try {
      const key = this.#key(producer, BEFORE_KEY[scheme]);
      return scheme === 'secp256k1' ? isEcdsa(pieces, bytes, key) : isEd25519(pieces, bytes, key);
    } catch {
      // What is no point of the curve is nobody's key.
      return false;
    }
  }

  #key(producer: string, before: Buffer): KeyObject {
    const known = this.#keys.get(producer);
    if (known !== undefined) return known;
    const der = Buffer.concat([before, Buffer.from(producer, 'hex')]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(producer, key);
    return key;
  }
}

/** Of the two signatures for one nonce only the one with the low `s` counts, so that nobody can make another of it. */
function isEcdsa([purpose, covered]: Pieces, bytes: Buffer, key: KeyObject): boolean {
  if (bytes.toString('hex', 32) > MAX_LOW_S) return false;
  return createVerify('sha256')
    .update(purpose)
    .update(covered)
    .verify({ key, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** OpenSSL refuses an S of the group's order and above, and an R that is not the canonical one (RFC 8032, section 5.1.7). */
function isEd25519([purpose, covered]: Pieces, bytes: Buffer, key: KeyObject): boolean {
  return verify(null, createHash('sha256').update(purpose).update(covered).digest(), key, bytes);
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
