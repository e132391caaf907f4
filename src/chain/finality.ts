import type { BlockRef } from '../contracts/index.js';
import type { Chain } from './chain.js';

/**
 * Which blocks can't be rolled back any more: those `depth` and more below the newest confirmed block, or those up to the
 * height that a function of the host names for that block (`null` for none; above it counts as that block).
 */
export type Finality = { readonly depth: number } | ((confirmed: BlockRef, chain: Chain) => number | null);

/**
 * The height that is final once a block is confirmed.
 *
 * @returns `null` when none is.
 * @throws TypeError when the host's function gives something that is no height.
 */
export function finalHeight(finality: Finality | null, confirmed: BlockRef, chain: Chain): number | null {
  if (finality === null) return null;
  const height =
    typeof finality === 'function' ? finality(confirmed, chain) : confirmed.height - finality.depth;
  if (height === null) return null;
  if (!Number.isSafeInteger(height))
    throw new TypeError(`\`finality\` gave ${String(height)}, which is no height.`);
  return Math.min(height, confirmed.height);
}
