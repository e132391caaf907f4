import type { BlockRef, BlockSource } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Longest list of ancestors that the protocol allows (section 2.2). */
const MAX_ANCESTORS = 64;

/** The height asked for is below the oldest one held. */
export function belowBase(height: number, base: number): SyncError {
  return new SyncError('BELOW_BASE', `Block ${height} is not held; the oldest one here is ${base}.`, {
    base,
  });
}

/** The hash at `height − 1`, also where only the block above it is held; `null` above the head. */
export async function hashBefore(source: BlockSource, height: number): Promise<string | null> {
  const parent = height > source.tip().base ? await source.header(height - 1) : null;
  if (parent !== null) return parent.hash;
  return (await source.header(height))?.previousHash ?? null;
}

/**
 * The error for a client whose block below a height is not on the source's chain: it names points of that chain, so
 * that the client finds its newest common block.
 *
 * @param newest - height of the newest point to name.
 */
export async function forkedBelow(source: BlockSource, height: number, newest: number): Promise<SyncError> {
  const message = `The block below ${height} of this chain does not have the hash that \`parent_hash\` names.`;
  return new SyncError('FORKED', message, { ancestors: await ancestors(source, newest) });
}

/** Blocks from a height down to the base, newest first, each gap twice the one before. */
async function ancestors(source: BlockSource, from: number): Promise<readonly BlockRef[]> {
  const { base, head } = source.tip();
  const found: BlockRef[] = [];
  let height = Math.min(from, head?.height ?? -1);
  for (let gap = 1; height >= base && found.length < MAX_ANCESTORS; gap *= 2) {
    const header = await source.header(height);
    if (header !== null) found.push({ height, hash: header.hash });
    if (height === base) break;
    height = Math.max(base, height - gap);
  }
  return found;
}
