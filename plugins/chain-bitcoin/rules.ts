import type { BlockHeader, BlockRef, ChainRules } from '../../src/contracts/index.js';
import { requireExpected, requireHash } from '../../src/internal/expected-block.js';
import type { Members } from '../../src/internal/proof/index.js';
import { checkBody } from './body.js';
import { checkWork, hashOf, type Header, readDocument, readHeader } from './header.js';
import type { BitcoinSettings } from './options.js';
import { targetOf } from './target.js';

/** The rules that `bitcoin` registers. */
export class BitcoinRules implements ChainRules {
  readonly id = 'bitcoin';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly proves = ['header', 'links', 'work', 'transactions', 'witnesses'];
  readonly authorship = 'none';
  readonly genesisPreviousHash = '0'.repeat(64);
  readonly #settings: BitcoinSettings;
  readonly #easiest: bigint | null;

  constructor(settings: BitcoinSettings) {
    const { easiestBits } = settings;
    this.#settings = settings;
    this.#easiest = easiestBits === null ? null : targetOf(Number(`0x${easiestBits}`));
  }

  describe(document: Uint8Array): BlockHeader {
    return describedOf(readHeader(this.#members(document)));
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): BlockHeader {
    const members = this.#members(document);
    const header = readHeader(members);
    const described = describedOf(header);
    requireExpected(described, expected);
    requireHash(described, hashOf(header));
    checkWork(header, this.#easiest);
    checkBody(members, header);
    return described;
  }

  #members(document: Uint8Array): Members {
    const members = readDocument(document);
    if (this.#settings.members === 'known') members.requireKnown();
    return members;
  }
}

function describedOf({ height, hash, previousHash, time }: Header): BlockHeader {
  return { height, hash, previousHash, timestamp: time * 1000 };
}
