import type { BlockRef } from '../contracts/index.js';
import type { Chain } from './chain.js';

/**
 * Which blocks can't be rolled back any more: those `depth` and more below the head, or those up to the height that a
 * function of the host names (`null` for none; above the head counts as the head).
 */
export type Finality = { readonly depth: number } | ((head: BlockRef, chain: Chain) => number | null);

/**
 * The height that is final once a head is.
 *
 * @returns `null` when none is.
 * @throws TypeError when the host's function gives something that is no height.
 */
export function finalHeight(finality: Finality | null, head: BlockRef, chain: Chain): number | null {
  if (finality === null) return null;
  const height = typeof finality === 'function' ? finality(head, chain) : head.height - finality.depth;
  if (height === null) return null;
  if (!Number.isSafeInteger(height))
    throw new TypeError(`\`finality\` gave ${String(height)}, which is no height.`);
  return Math.min(height, head.height);
}
