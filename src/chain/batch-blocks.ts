import type { CommitBlock, CommitTile, Frame, StateChange } from '../contracts/index.js';

/** New blocks, and what they change in the tables beside what a transition makes of them, by height. */
export interface NewBlocks {
  readonly frames: readonly Frame[];
  readonly notes: ReadonlyMap<number, readonly StateChange[]>;
}

const NO_CHANGES: readonly StateChange[] = [];

/** Blocks of a chain that keeps no state. */
export function unchanged(frames: readonly Frame[]): readonly CommitBlock[] {
  return frames.map((frame) => ({ frame, changes: NO_CHANGES }));
}

/** Blocks with what they note besides. */
export function noted(blocks: readonly CommitBlock[], notes: NewBlocks['notes']): readonly CommitBlock[] {
  if (notes.size === 0) return blocks;
  return blocks.map((block) => {
    const more = notes.get(block.frame.header.height);
    return more === undefined ? block : { ...block, changes: [...block.changes, ...more] };
  });
}

/** The tiles whose blocks are all among these. */
export function within(tiles: readonly CommitTile[], blocks: readonly CommitBlock[]): readonly CommitTile[] {
  const first = blocks[0]?.frame.header.height ?? 0;
  return tiles.filter(({ from, to }) => from >= first && to < first + blocks.length);
}
