import type { BlockRef, BlockSource } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';

/** Most points of the chain in a `FORKED` answer (protocol section 2.2). */
const MAX_ANCESTORS = 64;

/**
 * Checks that a client's newest block is on the chain. A client above the head is left to find out by what it gets.
 *
 * @throws SyncError `FORKED` with points of the chain for the client to find a common block in
 */
export async function checkOnChain(source: BlockSource, client: BlockRef): Promise<void> {
  const { base, head } = source.tip();
  if (head === null || client.height > head.height || client.height < base) return;
  const header = await source.header(client.height);
  if (header?.hash === client.hash) return;
  const message = `Block ${client.height} of the client is not on this chain.`;
  const ancestors = await ancestorsOf(source, client.height);
  throw new SyncError('FORKED', message, { height: client.height, ancestors });
}

/** Points of the chain from a height down to the base, newest first, the gaps doubling. */
async function ancestorsOf(source: BlockSource, from: number): Promise<readonly BlockRef[]> {
  const ancestors: BlockRef[] = [];
  for (const height of ancestorHeights(from, source.tip().base)) {
    const header = await source.header(height);
    if (header !== null) ancestors.push({ height, hash: header.hash });
  }
  return ancestors;
}

/** Heights from `from` down to `base` with doubling gaps, both included. 2^53 halves itself away long before the limit. */
export function ancestorHeights(from: number, base: number): readonly number[] {
  const heights: number[] = [];
  let gap = 1;
  for (let height = from; height > base && heights.length < MAX_ANCESTORS - 1; height -= gap, gap *= 2) {
    heights.push(height);
  }
  heights.push(base);
  return heights;
}
