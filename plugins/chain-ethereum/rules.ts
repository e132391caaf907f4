import type {
  BlockHeader,
  BlockRef,
  ChainRules,
  ProvedPart,
  VerifiedRun,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { requireHash, requireExpected } from '../../src/internal/expected-block.js';
import { type Block, BFT_MIX, BlockReader, fieldOf, NO_PARENT, verifyBody } from './block.js';
import { requireKnown } from './body/known.js';
import { encodeHeader } from './header.js';
import { keccak, toHex } from './keccak.js';
import type { EthereumSettings } from './options.js';
import { QuickBlocks } from './quick-blocks.js';

/** The rules that `ethereum` registers. */
export class EthereumRules implements ChainRules {
  readonly id = 'ethereum';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly proves: readonly ProvedPart[];
  readonly authorship = 'none';
  readonly genesisPreviousHash = NO_PARENT;
  readonly #reader = new BlockReader();
  readonly #quick: QuickBlocks | null;
  readonly #isStrict: boolean;
  readonly #unprovedTypes: ReadonlySet<number>;

  /** @param quick - proves what is in order; what it does not prove is taken step by step, which decides and says why not. */
  constructor(
    { unprovedTransactionTypes, members }: EthereumSettings,
    quick: QuickBlocks | null = new QuickBlocks(),
  ) {
    this.#isStrict = members === 'known';
    this.#quick = this.#isStrict ? null : quick;
    this.#unprovedTypes = new Set(unprovedTransactionTypes);
    this.proves = provedParts(this.#unprovedTypes);
  }

  describe(document: Uint8Array): BlockHeader {
    return this.#reader.read(document).header;
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const proved = this.#quick?.one(document) ?? null;
    if (proved === null) return this.#verifySteps(document, expected);
    requireExpected(proved, expected);
    return proved;
  }

  verifyRun(documents: Uint8Array): VerifiedRun | null {
    return this.#quick?.all(documents) ?? null;
  }

  #verifySteps(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const block = this.#reader.read(document);
    requireExpected(block.header, expected);
    this.#requireHash(block);
    verifyBody(block, { unprovedTypes: this.#unprovedTypes });
    if (this.#isStrict) requireKnown(block);
    return block.header;
  }

  #requireHash({ header, fields }: Block): void {
    const computed = keccak(encodeHeader(fields));
    if (computed === header.hash || toHex(fieldOf(fields, 'mixHash')) !== BFT_MIX) {
      requireHash(header, computed);
      return;
    }
    const { height, hash } = header;
    const message = `Block ${height} states the hash ${hash}; its header has ${computed}. It is a header of IBFT or QBFT, whose hash leaves seals out: the rules evm-bft know how.`;
    throw new SyncError('HASH_MISMATCH', message, { height });
  }
}

/** What a header's hash and roots prove. */
export function provedParts(unprovedTypes: ReadonlySet<number>): readonly ProvedPart[] {
  const transactions = unprovedTypes.size === 0 ? ['transactions'] : [];
  return ['header', 'links', 'uncles', ...transactions, 'withdrawals'];
}
