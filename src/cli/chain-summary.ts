import type { Authorship, BlockRef } from '../contracts/index.js';
import type { Chain } from '../chain/chain.js';

/** Where a chain stands, as members of a result. */
export interface ChainSummary {
  readonly chain: string;
  readonly chainId: string | null;
  readonly base: number;
  readonly head: BlockRef | null;
}

/** Reads where a chain stands. */
export function chainSummary(chain: Chain): ChainSummary {
  const { base, head } = chain.tip();
  return {
    chain: chain.chain,
    chainId: chain.chainId(),
    base: head === null ? chain.appendPoint.base : base,
    head,
  };
}

/** A block in words: `block 12 (ab12…)`. */
export function refText({ height, hash }: BlockRef): string {
  return `block ${height} (${hash})`;
}

/** Where a store stands, in words. */
export function storeText(head: BlockRef | null): string {
  return head === null ? 'the store is empty' : `the store is at ${refText(head)}`;
}

const AUTHORS: Readonly<Record<Authorship, string>> = {
  pinned: 'made by those whom the configuration names',
  carried: 'made by those who follow from the first validators',
  'self-declared': 'made by whoever has the keys that they name themselves',
  none: 'made by nobody known',
};

/** What is proved of blocks, in words. */
export function provedText(proves: readonly string[], authorship: Authorship): string {
  return `Proved of each block: ${proves.join(', ')}; ${AUTHORS[authorship]}.`;
}
