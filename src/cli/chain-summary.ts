import type { BlockRef } from '../contracts/index.js';
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
