import type { BlockHeader, BlockRef, ChainRules, ProvedPart } from '../../src/contracts/index.js';
import { requireHash, requireExpected } from '../../src/internal/expected-block.js';
import { BlockReader, NO_PARENT, verifyBody } from './block.js';
import { encodeHeader } from './header.js';
import { keccak } from './keccak.js';
import type { EthereumOptions } from './options.js';

/** The rules that `ethereum` registers. */
export class EthereumRules implements ChainRules {
  readonly id = 'ethereum';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly proves: readonly ProvedPart[];
  readonly authorship = 'none';
  readonly genesisPreviousHash = NO_PARENT;
  readonly #reader = new BlockReader();
  readonly #unprovedTypes: ReadonlySet<number>;

  constructor({ unprovedTransactionTypes = [] }: EthereumOptions = {}) {
    this.#unprovedTypes = new Set(unprovedTransactionTypes);
    this.proves = provedParts(this.#unprovedTypes);
  }

  describe(document: Uint8Array): BlockHeader {
    return this.#reader.read(document).header;
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const block = this.#reader.read(document);
    requireExpected(block.header, expected);
    requireHash(block.header, keccak(encodeHeader(block.fields)));
    verifyBody(block, { unprovedTypes: this.#unprovedTypes });
    return block.header;
  }
}

/** What a header's hash and roots prove. */
export function provedParts(unprovedTypes: ReadonlySet<number>): readonly ProvedPart[] {
  const transactions = unprovedTypes.size === 0 ? ['transactions'] : [];
  return ['header', 'links', 'uncles', ...transactions, 'withdrawals'];
}
