import type { BlockRef, PeerStatus } from '../contracts/index.js';

/** Fewer blocks than this are not worth the requests that tiles take, where there is another way. */
const MIN_TILE_BLOCKS = 256;

/** Whether a peer serves files and nothing else, so that there is no other way to it than tiles. */
export function isStatic(status: PeerStatus | null): boolean {
  if (status === null || status.tiles === null) return false;
  const { stream, json, snapshot, frames = [] } = status.codecs;
  return [stream, json, snapshot, frames].every((codecs) => codecs.length === 0);
}

/**
 * The newest height that a peer's tiles bring.
 *
 * @param next - the height that is wanted first.
 * @param to - last height wanted; `null` for all.
 * @returns `null` when they bring nothing, or too little to be worth it
 */
export function tilesReach(status: PeerStatus | null, next: number, to: number | null): number | null {
  if (status === null || status.tiles === null) return null;
  const { tiles } = status;
  const reach = Math.min(tiles.tail?.to ?? tiles.to, to ?? Infinity);
  const blocks = reach - next + 1;
  if (tiles.from > next || blocks <= 0) return null;
  return blocks >= MIN_TILE_BLOCKS || isStatic(status) ? reach : null;
}

/** The newest height that a peer's tiles bring above the newest block here: see {@link tilesReach}. */
export function reachAbove(
  head: BlockRef | null,
  status: PeerStatus | null,
  { base, to }: { readonly base: number; readonly to: number | null },
): number | null {
  return tilesReach(status, head === null ? base : head.height + 1, to);
}
