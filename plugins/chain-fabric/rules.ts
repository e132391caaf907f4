import type { Authorship, BlockHeader, BlockRef, ChainRules, ProvedPart } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { requireExpected } from '../../src/internal/expected-block.js';
import { malformed } from '../../src/internal/json/index.js';
import { mismatch, readMessage, sameBytes, toHex } from '../../src/internal/proof/index.js';
import { type FabricBlock, hashOf, readBlock, sha256 } from './block.js';
import { OrdererCertificates } from './certificates.js';
import type { FabricSettings } from './options.js';
import { checkSignatures } from './signatures.js';

/** The payload and the signature. */
const ENVELOPE_FIELDS = 2;

/** The rules that `fabric` registers. */
export class FabricRules implements ChainRules {
  readonly id = 'fabric';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly genesisPreviousHash = '';
  readonly proves: readonly ProvedPart[];
  readonly authorship: Authorship;
  readonly #settings: FabricSettings;
  readonly #certificates: OrdererCertificates;

  constructor(settings: FabricSettings) {
    const { orderers, data } = settings;
    const isSigned = orderers.length > 0;
    this.#settings = settings;
    this.#certificates = new OrdererCertificates(orderers);
    this.proves = [
      'header',
      'links',
      ...(data === 'required' ? ['transactions'] : []),
      ...(isSigned ? ['seals', 'validators'] : []),
    ];
    this.authorship = isSigned ? 'pinned' : 'none';
  }

  describe(document: Uint8Array): BlockHeader {
    return describedOf(this.#read(document));
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const block = this.#read(document);
    const described = describedOf(block);
    requireExpected(described, expected);
    this.#checkData(block);
    checkSignatures(block, this.#certificates, this.#settings.orderers.length > 0);
    return described;
  }

  #read(document: Uint8Array): FabricBlock {
    return readBlock(document, this.#settings.members === 'known');
  }

  #checkData(block: FabricBlock): void {
    const { number, dataHash } = block;
    const envelopes = this.#envelopes(block);
    // With optional data a block may have none of it, as an excerpt.
    if (envelopes === null || (envelopes.length === 0 && this.#settings.data === 'optional')) return;
    if (!sameBytes(sha256(envelopes), dataHash))
      throw mismatch(number, '"data" is not what "header.data_hash" says');
    checkEnvelopes(envelopes);
  }

  /** `null` when JSON can't say them and they need not be proved. */
  #envelopes({ envelopes }: FabricBlock): readonly Uint8Array[] | null {
    try {
      return envelopes();
    } catch (error) {
      if (!isSyncError(error, 'BLOCK_MALFORMED')) throw error;
      if (this.#settings.data === 'optional') return null;
      throw malformed(
        0,
        `no data that can be proved from JSON (${error.message.replace(/^Not a valid block document: /, '')} The block itself can be, as {"raw":"…"}.)`,
      );
    }
  }
}

/**
 * The hash of the data is one of all envelopes without their lengths: other pieces of the same bytes have it too. No such
 * piece has one payload and one signature. A configuration stands alone, and that of a first block is not signed.
 */
function checkEnvelopes(envelopes: readonly Uint8Array[]): void {
  for (const [at, envelope] of envelopes.entries()) {
    const fields = readMessage(envelope, ENVELOPE_FIELDS)?.map(({ field, value }) =>
      value instanceof Uint8Array && value.length > 0 ? field : 0,
    );
    const form = fields?.join();
    if (form !== '1,2' && !(form === '1' && envelopes.length === 1))
      throw malformed(0, `no envelope with a payload and a signature in "data.data[${at}]"`);
  }
}

function describedOf(block: FabricBlock): BlockHeader {
  // Only transactions have times, which clients have made.
  const { number, previousHash } = block;
  return { height: number, hash: hashOf(block), previousHash: toHex(previousHash), timestamp: null };
}
