import type { BlockHeader, BlockRef, ChainRules } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Where the next block is appended: on `head`, or at `base` when there is none yet. */
export interface AppendPoint {
  readonly head: BlockRef | null;
  readonly base: number;
}

/** Height of the block that is appended at a point. */
export function nextHeight(point: AppendPoint): number {
  return point.head === null ? point.base : point.head.height + 1;
}

/**
 * Checks that a block may be appended at a point: contiguous height, the right parent.
 *
 * @throws SyncError `HEIGHT_GAP`, `HEIGHT_MISMATCH`, `PARENT_MISMATCH`, `GENESIS_MISMATCH`
 */
export function checkLink(header: BlockHeader, point: AppendPoint, rules: ChainRules): void {
  const wanted = nextHeight(point);
  const { height } = header;
  if (height > wanted) {
    // A chain may begin at another height than 0, which a new store has to be told.
    const due = point.head === null ? `${wanted}, the \`base\` of this store, was due` : `${wanted} was due`;
    throw new SyncError('HEIGHT_GAP', `Block ${height} came where block ${due}.`, { height: wanted });
  }
  if (height < wanted) {
    throw new SyncError('HEIGHT_MISMATCH', `Block ${height} came where block ${wanted} was due.`, {
      height: wanted,
    });
  }
  if (point.head !== null) checkParent(header, point.head);
  else if (height === 0) checkGenesis(header, rules);
}

function checkParent(header: BlockHeader, head: BlockRef): void {
  if (header.previousHash === head.hash) return;
  const { height, previousHash } = header;
  const named = previousHash === '' ? 'no block' : previousHash;
  const message = `Block ${height} names ${named} as its parent, but block ${head.height} here is ${head.hash}.`;
  throw new SyncError('PARENT_MISMATCH', message, { height });
}

function checkGenesis(header: BlockHeader, rules: ChainRules): void {
  const { genesisPreviousHash } = rules;
  if (genesisPreviousHash === null || header.previousHash === genesisPreviousHash) return;
  const message = `The first block names ${header.previousHash} as its parent; ${rules.id} chains start with ${genesisPreviousHash}.`;
  throw new SyncError('GENESIS_MISMATCH', message, { height: 0 });
}
