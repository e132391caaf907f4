import { SyncError } from '../../../src/errors/index.js';
import { toHex } from '../keccak.js';
import { listRoot } from '../trie.js';
import type { HeaderFields } from '../header.js';

/** The block that a body is in. */
export interface Place {
  readonly height: number;
  readonly hash: string;
  readonly fields: HeaderFields;
}

const EMPTY = listRoot([]);

/**
 * Checks the root of what a block holds against its header.
 *
 * @param hashes - how many there are of which only the hash is known; then only whether there are any can be checked.
 * @throws SyncError `HASH_MISMATCH`
 */
export function checkRoot(
  what: 'transactions' | 'withdrawals',
  root: Uint8Array,
  { place: { fields, height }, hashes }: { readonly place: Place; readonly hashes: number },
): void {
  const stated = fields.get(`${what}Root`) ?? EMPTY;
  const fits = hashes > 0 ? Buffer.compare(stated, EMPTY) !== 0 : Buffer.compare(stated, root) === 0;
  if (fits) return;
  const found = hashes > 0 ? `${hashes} hashes` : `the root ${toHex(root)}`;
  const message = `The ${what} in block ${height} are not those of its header: ${what}Root is ${toHex(stated)}, they have ${found}.`;
  throw new SyncError('HASH_MISMATCH', message, { height });
}
