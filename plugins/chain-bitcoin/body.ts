import type { Span } from '../../src/internal/json/index.js';
import { type Form, Members, mismatch, sameBytes, toHex } from '../../src/internal/proof/index.js';
import { doubleSha256, merkleRoot, reversed } from './hash.js';
import type { Header } from './header.js';
import { readTransaction, type Transaction } from './transaction.js';

const TRANSACTION: Form = { names: ['txid', 'hash', 'hex', 'size'], exact: false };
const HASH_BYTES = 32;
const HEADER_BYTES = 80;

/** What a document has of a transaction: its id alone, or all of it. */
interface Listed {
  readonly txid: Uint8Array;
  readonly whole: Transaction | null;
}

/**
 * Checks a document's transactions against its header: each id against the bytes, all ids against the Merkle root, and where
 * all bytes are there the witnesses against the coinbase's commitment.
 *
 * @throws SyncError `BLOCK_MALFORMED`, `HASH_MISMATCH`
 */
export function checkBody(document: Members, header: Header): void {
  const { height } = header;
  if (document.find('tx') === null) return;
  const listed = Array.from(document.values('tx'), (value, at) => readListed(document, value, at, height));
  if (document.find('nTx') !== null && document.integer('nTx') !== BigInt(listed.length))
    throw mismatch(height, '"nTx" is not how many "tx" there are');
  const root = merkleRoot(listed.map(({ txid }) => txid));
  if (root === null) throw mismatch(height, '"tx" is empty, or repeats its end (CVE-2012-2459)');
  if (!sameBytes(root, header.merkleRoot)) throw mismatch(height, '"tx" is not what "merkleroot" says');
  const whole = listed.flatMap((one) => (one.whole === null ? [] : [one.whole]));
  if (whole.length < listed.length) return;
  checkWitnesses(whole, height);
  checkSize(document, whole, height);
}

function readListed(document: Members, value: Span, at: number, height: number): Listed {
  const { bytes } = document;
  if (bytes[value.start] !== 0x7b) return { txid: idOf(document, value), whole: null };
  const path = `tx[${at}]`;
  const members = Members.ofValue(bytes, value, path, TRANSACTION);
  const whole = readTransaction(members.hex('hex', 'lower'));
  if (whole === null) throw members.wrong('hex', 'transaction in the one form that nodes take');
  const check = (name: string, computed: Uint8Array): void => {
    if (members.text(name) !== toHex(reversed(computed)))
      throw mismatch(height, `"${path}.${name}" is not that of "${path}.hex"`);
  };
  check('txid', whole.txid);
  if (members.find('hash') !== null) check('hash', whole.wtxid);
  if (members.find('size') !== null && members.integer('size') !== BigInt(whole.bytes))
    throw mismatch(height, `"${path}.size" is not that of "${path}.hex"`);
  return { txid: whole.txid, whole };
}

function idOf(document: Members, value: Span): Uint8Array {
  const text = Buffer.from(document.bytes.subarray(value.start + 1, value.end - 1)).toString('latin1');
  const isId = document.bytes[value.start] === 0x22 && /^[0-9a-f]{64}$/.test(text);
  if (!isId) throw document.wrong('tx', 'id of a transaction', value);
  return reversed(Buffer.from(text, 'hex'));
}

/** A coinbase commits to the witnesses of all others; without a commitment there are none (BIP 141). */
function checkWitnesses(transactions: readonly Transaction[], height: number): void {
  const commitment = commitmentOf(transactions[0]);
  if (commitment === null) {
    if (transactions.some(({ hasWitness }) => hasWitness))
      throw mismatch(height, '"tx" has witnesses that the coinbase does not commit to');
    return;
  }
  // A coinbase can't commit to itself.
  const leaves = transactions.map(({ wtxid }, at) => (at === 0 ? Buffer.alloc(HASH_BYTES) : wtxid));
  const root = merkleRoot(leaves);
  const computed = root === null ? Buffer.alloc(0) : doubleSha256(root, commitment.reserved);
  if (!sameBytes(computed, commitment.hash))
    throw mismatch(height, 'the witnesses in "tx" are not those that the coinbase commits to');
}

interface Commitment {
  readonly hash: Uint8Array;
  readonly reserved: Uint8Array;
}

function commitmentOf(coinbase: Transaction | undefined): Commitment | null {
  const { commitment = null, onlyWitness = null } = coinbase ?? {};
  if (commitment === null || onlyWitness?.length !== HASH_BYTES) return null;
  return { hash: commitment, reserved: onlyWitness };
}

function checkSize(document: Members, transactions: readonly Transaction[], height: number): void {
  if (document.find('size') === null) return;
  const count = transactions.length;
  const countBytes = count < 0xfd ? 1 : count < 0x10000 ? 3 : 5;
  const bytes = transactions.reduce((sum, one) => sum + one.bytes, HEADER_BYTES + countBytes);
  if (document.integer('size') !== BigInt(bytes)) throw mismatch(height, '"size" is not that of its "tx"');
}
