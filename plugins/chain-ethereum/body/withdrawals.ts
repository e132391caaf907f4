import {
  type Document,
  elements,
  malformed,
  MAX_DEPTH,
  requiredMember,
  scanObject,
} from '../../../src/internal/json/index.js';
import { type Field, readForm } from '../forms.js';
import { isPresent } from '../header.js';
import { encode } from '../rlp.js';
import { listRoot } from '../trie.js';
import { arrayIn } from './envelope.js';
import { checkRoot, type Place } from './place.js';

/** EIP-4895, in the order of their encoding. */
const FIELDS: readonly Field[] = [
  ['index', 'quantity'],
  ['validatorIndex', 'quantity'],
  ['address', 20],
  ['amount', 'quantity'],
];

/** Members of a withdrawal that are proved: all that it has. */
export const WITHDRAWAL_NAMES: readonly string[] = FIELDS.map(([name]) => name);
const SCAN = { maxDepth: MAX_DEPTH, names: WITHDRAWAL_NAMES };

/**
 * Checks the withdrawals of a block against the root in its header. A header without one has none.
 *
 * @throws SyncError `BLOCK_MALFORMED`, `HASH_MISMATCH`
 */
export function verifyWithdrawals(block: Document, place: Place): void {
  if (!isPresent(block, 'withdrawals')) return;
  const { bytes } = block;
  const value = arrayIn(bytes, requiredMember(block, 'withdrawals'), 'withdrawals');
  const encoded = [...elements(bytes, value)].map((element) => {
    if (bytes[element.start] !== 0x7b) throw malformed(element.start, 'no object in "withdrawals"');
    const withdrawal = scanObject(bytes, element, SCAN);
    return encode(FIELDS.map((field) => readForm(bytes, requiredMember(withdrawal, field[0]), field)));
  });
  checkRoot('withdrawals', listRoot(encoded), { place, hashes: 0 });
}
