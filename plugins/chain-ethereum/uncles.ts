import { SyncError } from '../../src/errors/index.js';
import {
  type Document,
  elements,
  malformed,
  MAX_DEPTH,
  optionalMember,
  scanObject,
  type Span,
} from '../../src/internal/json/index.js';
import { encodeHeader, HEADER_NAMES, readFields, readHash } from './header.js';
import { keccak } from './keccak.js';
import { encode } from './rlp.js';

const SCAN = { maxDepth: MAX_DEPTH, names: HEADER_NAMES };
const HASH_OF_NONE = keccak(encode([]));

/** A competing block's header, with the hash it states. */
interface Uncle {
  readonly encoded: Uint8Array;
  readonly hash: string | null;
}

/** What a document holds of its uncles: their headers, or only their hashes. */
export interface Uncles {
  readonly headers: readonly Uncle[];
  readonly hashes: number;
}

/**
 * Reads the uncles; `null` when the document says nothing of them.
 *
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function readUncles(block: Document): Uncles | null {
  const value = optionalMember(block, 'uncles');
  if (value === null) return null;
  const { bytes } = block;
  if (bytes[value.start] !== 0x5b) throw malformed(value.start, 'no array in "uncles"');
  const headers: Uncle[] = [];
  let hashes = 0;
  for (const element of elements(bytes, value)) {
    if (bytes[element.start] === 0x7b) headers.push(readUncle(bytes, element));
    else if (readHash(bytes, element, 'uncles') !== '') hashes++;
  }
  if (headers.length > 0 && hashes > 0) throw malformed(value.start, 'both headers and hashes in "uncles"');
  return { headers, hashes };
}

/**
 * Checks the uncles against the hash that the block's header has of them. Of bare hashes it can only be checked that
 * there are any.
 *
 * @throws SyncError `HASH_MISMATCH`
 */
export function verifyUncles(uncles: Uncles, stated: string, height: number): void {
  for (const { encoded, hash } of uncles.headers) {
    if (hash !== null && keccak(encoded) !== hash) {
      throw new SyncError(
        'HASH_MISMATCH',
        `An uncle in block ${height} does not have the hash ${hash} that it states.`,
        { height },
      );
    }
  }
  const fits = uncles.hashes > 0 ? stated !== HASH_OF_NONE : stated === hashOf(uncles.headers);
  if (!fits)
    throw new SyncError('HASH_MISMATCH', `The uncles in block ${height} are not those of its header.`, {
      height,
    });
}

function hashOf(headers: readonly Uncle[]): string {
  return headers.length === 0 ? HASH_OF_NONE : keccak(encode(headers));
}

function readUncle(bytes: Uint8Array, element: Span): Uncle {
  const header = scanObject(bytes, element, SCAN);
  const hash = optionalMember(header, 'hash');
  return {
    encoded: encodeHeader(readFields(header)),
    hash: hash === null ? null : readHash(bytes, hash, 'hash'),
  };
}
