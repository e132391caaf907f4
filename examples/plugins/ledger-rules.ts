import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  type BlockHeader,
  type BlockRef,
  type ChainRules,
  type ChainRulesPlugin,
  PLUGIN_API_VERSION,
} from 'blockferry';
import { type Form, Members, mismatch, requireExpected, sameBytes, toHex, unsigned } from 'blockferry/rules';

/** Options of {@link ledgerRules}. */
export interface LedgerOptions {
  /** Public keys (PEM, Ed25519) of those who may order blocks. */
  readonly orderers: readonly string[];
}

/*
 * A block of this ledger, on one line:
 *
 * {"header":{"number":5,"previous_hash":"hex","data_hash":"hex"},
 *  "data":["base64 of an envelope",…],
 *  "metadata":{"orderer":0,"signature":"base64 of Ed25519"}}
 *
 * Its hash is the SHA-256 of the header's bytes: number (8 bytes, big-endian), previous_hash, data_hash. `data_hash` is the
 * SHA-256 of the SHA-256 of each envelope, behind each other. The signature is over the block's hash.
 */
const BLOCK: Form = { names: ['header', 'data', 'metadata'], exact: true };
const HEADER: Form = { names: ['number', 'previous_hash', 'data_hash'], exact: true };
const METADATA: Form = { names: ['orderer', 'signature'], exact: true };

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
const MAX_ENVELOPES = 10_000;

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Registers the rules `ledger`: headers, data and signatures of a permissioned ledger with orderers that are known. */
export function ledgerRules({ orderers }: LedgerOptions): ChainRulesPlugin {
  if (!Array.isArray(orderers) || orderers.length === 0)
    throw new TypeError('ledgerRules takes `orderers`: the public key of each, as PEM.');
  const keys = orderers.map((pem) => createPublicKey(pem as string));
  return {
    kind: 'chain',
    name: 'ledger',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new LedgerRules(keys),
  };
}

interface Read extends BlockHeader {
  readonly envelopes: readonly Uint8Array[];
  readonly dataHash: Uint8Array;
  readonly orderer: number;
  readonly signature: Uint8Array;
}

class LedgerRules implements ChainRules {
  readonly id = 'ledger';
  readonly selfCertifying = true;
  // White space within a document is in no hash, nor is the way a number or a string is spelled.
  readonly covers = 'part';
  readonly proves = ['header', 'links', 'transactions', 'seals'];
  readonly authorship = 'pinned';
  readonly genesisPreviousHash = '0'.repeat(2 * HASH_BYTES);
  readonly #orderers: readonly KeyObject[];

  constructor(orderers: readonly KeyObject[]) {
    this.#orderers = orderers;
  }

  describe(document: Uint8Array): BlockHeader {
    return headerOf(read(document));
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const block = read(document);
    const { height, envelopes, dataHash, orderer, signature } = block;
    requireExpected(block, expected);
    if (!sameBytes(sha256(...envelopes.map((envelope) => sha256(envelope))), dataHash))
      throw mismatch(height, '"header.data_hash" is not that of "data"');
    const key = this.#orderers[orderer];
    if (key === undefined || !verify(null, Buffer.from(block.hash, 'hex'), key, signature))
      throw unsigned(height, `"metadata.signature" is not that of the orderer ${orderer}`);
    return headerOf(block);
  }
}

/** Reads a document in its one form. @throws SyncError `BLOCK_MALFORMED` */
function read(document: Uint8Array): Read {
  const block = Members.ofBlock(document, BLOCK);
  const header = block.object('header', HEADER);
  const height = header.height('number');
  const previous = header.hex('previous_hash', 'lower', HASH_BYTES);
  const dataHash = header.hex('data_hash', 'lower', HASH_BYTES);
  block.require('data');
  const envelopes = [...block.values('data', MAX_ENVELOPES)].map((value) => block.base64At(value, 'data'));
  const metadata = block.object('metadata', METADATA);
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(height));
  return {
    height,
    hash: toHex(sha256(number, previous, dataHash)),
    previousHash: toHex(previous),
    timestamp: null,
    envelopes,
    dataHash,
    orderer: metadata.safeInteger('orderer', 0, 255),
    signature: metadata.base64('signature', SIGNATURE_BYTES),
  };
}

const headerOf = ({ height, hash, previousHash, timestamp }: Read): BlockHeader => {
  return { height, hash, previousHash, timestamp };
};
