import { type Document } from '../../../src/internal/json/index.js';
import { recover } from '../bft/recover.js';
import { toNumber } from '../hex.js';
import { keccakBytes } from '../keccak.js';
import { encode, type Item } from '../rlp.js';
import { bigEndian } from '../trie.js';
import { itemsOf } from './envelope.js';

const SIGNATURE_FIELDS = 3;
const NOTHING = new Uint8Array();

/** Who signed a transaction, by its signature; `null` where that is none. */
export function senderOf(transaction: Document, type: number): string | null {
  const items = itemsOf(transaction, type);
  if (items === null) return null;
  const [v, r, s] = items.slice(-SIGNATURE_FIELDS) as [Uint8Array, Uint8Array, Uint8Array];
  const signed = items.slice(0, -SIGNATURE_FIELDS);
  const number = toNumber(v);
  if (number === null) return null;
  if (type > 0) return recover({ r, s, recovery: number }, keccakBytes(encode(signed, Uint8Array.of(type))));
  return recover(
    { r, s, recovery: number < 35 ? number - 27 : (number - 35) % 2 },
    legacyDigest(signed, number),
  );
}

/** EIP-155 signs the chain's number as well, in place of a signature. */
function legacyDigest(signed: readonly Item[], v: number): Uint8Array {
  const chain = v < 35 ? [] : [bigEndian(Math.floor((v - 35) / 2)), NOTHING, NOTHING];
  return keccakBytes(encode([...signed, ...chain]));
}
