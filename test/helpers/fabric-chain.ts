import { createHash, type KeyObject, sign } from 'node:crypto';
import { encodeMessage } from '../../plugins/chain-fabric/encode.js';
import { fabricDocument } from '../../plugins/chain-fabric/index.js';
import {
  bytesField,
  derInteger,
  derOctets,
  derSequence,
  intField,
  message,
  messageField,
} from '../../src/internal/proof/index.js';
import type { Issued } from './certificates.js';

/** Half the order of P-256, and the order. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** How a chain is made. */
export interface FabricChainOptions {
  readonly count: number;
  /** Who signs; `null` for nobody. */
  readonly signerAt?: (height: number) => Issued | null;
  readonly mspId?: string;
  /** Whether a block is written as configtxlator does it, and not as the block itself. */
  readonly isJson?: (height: number) => boolean;
  readonly transactionsAt?: (height: number) => readonly object[];
  readonly isHigh?: boolean;
  /** How often each signer signs. */
  readonly times?: number;
}

const DEFAULTS: Required<Omit<FabricChainOptions, 'count'>> = {
  signerAt: () => null,
  mspId: 'OrdererMSP',
  isJson: () => false,
  transactionsAt: (height) => [transaction(height)],
  isHigh: false,
  times: 1,
};
const sha256 = (...pieces: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(pieces)).digest();

/** A chain of Fabric by its published rules. */
export function fabricChain(options: FabricChainOptions): readonly Uint8Array[] {
  const { count, signerAt, mspId, isJson, transactionsAt, isHigh, times } = { ...DEFAULTS, ...options };
  const documents: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array();
  for (let height = 0; height < count; height++) {
    const transactions = transactionsAt(height);
    const envelopes = transactions.map((one) => {
      const bytes = Buffer.from(JSON.stringify(one));
      return encodeMessage(bytes, { start: 0, end: bytes.length }, '', 'Envelope');
    });
    const dataHash = sha256(...envelopes);
    const header = derSequence(derInteger(BigInt(height)), derOctets(previous), derOctets(dataHash));
    const signer = height === 0 ? null : signerAt(height);
    const metadata = signer === null ? new Uint8Array() : signed(header, signer, { mspId, isHigh, times });
    const parts = { height, previous, dataHash, transactions, metadata };
    documents.push(isJson(height) ? asJson(parts) : asMessage(parts, envelopes));
    previous = sha256(header);
  }
  return documents;
}

/** A transaction as configtxlator writes it. */
export function transaction(height: number, value = `value ${height}`): object {
  const text = (content: string): string => Buffer.from(content).toString('base64');
  const creator = { mspid: 'Org1MSP', id_bytes: text('somebody') };
  const signature_header = { creator, nonce: text(`nonce ${height}`) };
  const chaincode_id = { name: 'ledger', path: '', version: '1.0' };
  const writes = [{ key: `\u0000key ☤ ${height}`, is_delete: false, value: text(value) }];
  const rwset = {
    reads: [{ key: 'a', version: { block_num: String(height), tx_num: '0' } }],
    range_queries_info: [],
    writes,
    metadata_writes: [],
  };
  const extension = {
    results: { data_model: 'KV', ns_rwset: [{ namespace: 'ledger', rwset, collection_hashed_rwset: [] }] },
    events: null,
    response: { status: 200, message: '', payload: null },
    chaincode_id,
  };
  const action = {
    proposal_response_payload: { proposal_hash: text('hash'), extension },
    endorsements: [{ endorser: text('somebody'), signature: text('signature') }],
  };
  const chaincode_proposal_payload = {
    input: {
      chaincode_spec: {
        type: 'GOLANG',
        chaincode_id,
        input: { args: [text('put')], decorations: {}, is_init: false },
        timeout: 0,
      },
    },
    TransientMap: {},
  };
  const channel_header = {
    type: 3,
    version: 0,
    timestamp: '2020-06-01T10:00:00.120Z',
    channel_id: 'made',
    tx_id: `tx ${height}`,
    epoch: '0',
    extension: text('extension'),
    tls_cert_hash: null,
  };
  const data = { actions: [{ header: signature_header, payload: { chaincode_proposal_payload, action } }] };
  return {
    payload: { header: { channel_header, signature_header }, data },
    signature: text('by the client'),
  };
}

interface JsonParts {
  readonly height: number;
  readonly previous: Uint8Array;
  readonly dataHash: Uint8Array;
  readonly transactions: readonly object[];
  readonly metadata: Uint8Array;
}

function asMessage(
  { height, previous, dataHash, metadata }: JsonParts,
  envelopes: readonly Uint8Array[],
): Uint8Array {
  const header = message(intField(1, height), bytesField(2, previous), bytesField(3, dataHash));
  const data = message(...envelopes.map((one) => messageField(1, one)));
  const stored = message(messageField(1, metadata));
  return fabricDocument(message(messageField(1, header), messageField(2, data), messageField(3, stored)));
}

function asJson({ height, previous, dataHash, transactions, metadata }: JsonParts): Uint8Array {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return Buffer.from(
    JSON.stringify({
      data: { data: transactions },
      header: { data_hash: base64(dataHash), number: String(height), previous_hash: base64(previous) },
      metadata: { metadata: [base64(metadata)] },
    }),
  );
}

function signed(
  header: Uint8Array,
  { pem, secret }: Issued,
  { mspId, isHigh, times }: { mspId: string; isHigh: boolean; times: number },
): Uint8Array {
  const value = message(messageField(1, message(intField(1, 0))));
  const creator = message(bytesField(1, mspId), bytesField(2, pem));
  const each = Array.from({ length: times }, (_, at) => {
    const signatureHeader = message(bytesField(1, creator), bytesField(2, `nonce ${at}`));
    const signature = ecdsa(Buffer.concat([value, signatureHeader, header]), secret, isHigh);
    return messageField(2, message(bytesField(1, signatureHeader), bytesField(2, signature)));
  });
  return message(bytesField(1, value), ...each);
}

/** Of the two signatures for one nonce, that with the low or the high `s`. */
function ecdsa(bytes: Uint8Array, key: KeyObject, isHigh: boolean): Uint8Array {
  const made = sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('hex');
  const [r, s] = [BigInt(`0x${made.slice(0, 64)}`), BigInt(`0x${made.slice(64)}`)];
  const other = s > ORDER / 2n === isHigh ? s : ORDER - s;
  return derSequence(derInteger(r), derInteger(other));
}
