import { malformed } from '../../src/internal/json/index.js';
import { readMessage, unsigned } from '../../src/internal/proof/index.js';
import { type FabricBlock, refused, singles } from './block.js';
import { isSigned, type OrdererCertificates } from './certificates.js';

const SIGNATURES = 0;
/** A channel has fewer orderers. */
const MAX_SIGNATURES = 256;
/** Each signature is over the value that stands before them: the numbers of a few blocks and orderers. */
const MAX_VALUE_BYTES = 65_536;
const NONE: Uint8Array = new Uint8Array();

/** What an orderer has signed, beside the header. */
interface OrdererSignature {
  readonly signatureHeader: Uint8Array;
  readonly signature: Uint8Array;
  /** Who it is, as the signature's header says. */
  readonly creator: Uint8Array;
}

/**
 * Checks the signatures of orderers in a block's metadata: none is false, nobody signs twice.
 *
 * @param needed - whether there must be one; the first block of a channel has none.
 * @throws SyncError `SIGNATURE_INVALID`, `BLOCK_MALFORMED`
 */
export function checkSignatures(
  block: FabricBlock,
  certificates: OrdererCertificates,
  needed: boolean,
): void {
  const { number, metadata } = block;
  const { value, signatures } = readSignatures(metadata[SIGNATURES] ?? NONE);
  if (signatures.length === 0 && needed && number > 0) throw unsigned(number, 'no orderer has signed it');
  const creators = new Set<string>();
  for (const [at, one] of signatures.entries()) {
    const fault = again(one, creators) ?? whyFalse(value, one, block, certificates);
    if (fault !== null) throw unsigned(number, `the signer of "metadata[0].signatures[${at}]" ${fault}`);
  }
}

/** Why a signature is none; `null` for one that is. */
function whyFalse(
  value: Uint8Array,
  { signatureHeader, signature, creator }: OrdererSignature,
  { header }: FabricBlock,
  certificates: OrdererCertificates,
): string | null {
  const [mspId, certificate] = singles(creator, 2, 'identity').map(bytesOf);
  const name = Buffer.from(mspId ?? NONE).toString('utf8');
  const signer = certificates.signer(name, certificate ?? NONE);
  if (typeof signer === 'string') return signer;
  const signed = Buffer.concat([value, signatureHeader, header]);
  return isSigned(signed, signature, signer) ? null : 'did not sign it';
}

function again({ creator }: OrdererSignature, creators: Set<string>): string | null {
  const name = Buffer.from(creator).toString('latin1');
  if (creators.has(name)) return 'has signed it twice';
  creators.add(name);
  return null;
}

function bytesOf(value: bigint | Uint8Array | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : NONE;
}

function readSignatures(metadata: Uint8Array): {
  readonly value: Uint8Array;
  readonly signatures: readonly OrdererSignature[];
} {
  const fields = readMessage(metadata, 1 + MAX_SIGNATURES);
  if (fields === null) throw refused('metadata[0]', 1 + MAX_SIGNATURES);
  let value = NONE;
  const signatures: OrdererSignature[] = [];
  for (const { field, value: content } of fields) {
    if (!(content instanceof Uint8Array)) throw refused('metadata[0]');
    if (field === 1 && value.length === 0 && content.length <= MAX_VALUE_BYTES) value = content;
    else if (field === 2) signatures.push(readSignature(content));
    else throw refused('metadata[0]');
  }
  return { value, signatures };
}

function readSignature(bytes: Uint8Array): OrdererSignature {
  const [signatureHeader, signature, identifier] = singles(bytes, 3, 'metadata[0].signatures');
  if (identifier !== undefined)
    throw malformed(
      0,
      'no signature of a Raft or Kafka orderer but one of a BFT orderer, which is not checked here,',
    );
  if (!(signatureHeader instanceof Uint8Array) || !(signature instanceof Uint8Array))
    throw refused('metadata[0].signatures');
  const [creator] = singles(signatureHeader, 2, 'signature header').map(bytesOf);
  return { signatureHeader, signature, creator: creator ?? NONE };
}
