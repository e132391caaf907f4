/** Lies that make something else of the answers of an honest server. */
const BENT = [
  'bad-hash',
  'broken-link',
  'wrong-height',
  'far-head',
  'flapping-head',
  'foreign-rollback',
  'other-chain',
  'duplicates',
  'skips',
  'false-fork',
  'garbage',
  'stall',
  'withhold',
  // A rollback to a block that is there, and nothing in its place.
  'bare-rollback',
  // A tile with another byte in it, also in a part of it; one that ends early; one under the name of another; and an index
  // that names tiles that are not so.
  'bad-tile',
  'short-tile',
  'swapped-tiles',
  'bad-index',
] as const;

/** Lies of a server whose chain is not that of the source, though each of its blocks is valid. */
export const OWN_CHAIN = [
  // The status is that of the source, the blocks are those of another branch.
  'split',
  // It claims a long branch from an early block on, sends less than the source has, and drops the line.
  'lure',
  // The first blocks of the source, served as if they were all.
  'prefix',
  // A branch that is always as long as that of the source.
  'equal-fork',
  // A branch that is always one block longer.
  'longer-fork',
  // A chain with another first block, served under the name of the source's.
  'other-genesis',
  // Several servers behind one address, some of them late or on an old branch.
  'replicas',
] as const;

/** The ways in which a peer lies. */
export const LIES = [...BENT, ...OWN_CHAIN] as const;

export type LieKind = (typeof LIES)[number];
export type OwnChain = (typeof OWN_CHAIN)[number];

/** Whether a liar of this kind has a chain of its own. */
export function hasOwnChain(kind: LieKind): kind is OwnChain {
  return OWN_CHAIN.some((own) => own === kind);
}

const TILE_LIES: readonly LieKind[] = ['bad-tile', 'short-tile', 'swapped-tiles', 'bad-index'];

/** Whether a liar of this kind lies about tiles alone, so that there have to be some. */
export function needsTiles(kind: LieKind): boolean {
  return TILE_LIES.some((each) => each === kind);
}

/** Whose branch is valid and as long as that of the source: one peer's word is all against it. */
export function mayWin(kind: LieKind): boolean {
  return kind === 'equal-fork' || kind === 'longer-fork';
}

/** Whether a liar claims a head so far away that it can't deny a block: its server has none there to compare. */
export function saysYes(kind: LieKind): boolean {
  return kind === 'lure' || kind === 'far-head' || kind === 'flapping-head';
}
