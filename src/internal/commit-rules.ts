import type {
  BlockRef,
  ChainIdentity,
  Checkpoint,
  CheckpointAdvance,
  CommitBatch,
  Frame,
  StageActivation,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { MAX_TILE_BLOCKS } from '../tiles/cut.js';

/** What a store is after a batch, or after a stage was activated. A storage writes it in the same step as the blocks. */
export interface CommitResult {
  /** Head, base, finalized and assumed block. */
  readonly checkpoint: Checkpoint;
  /** Of the chain that it holds from then on. */
  readonly identity: ChainIdentity;
}

/**
 * Checks that a batch fits on a store, and says what the store is afterwards. Nothing is changed.
 *
 * @param checkpoint - of the store now.
 * @param identity - of the store; `null` while it holds no block.
 * @param found - the header that the store has at the height of `batch.rollbackTo`; `null` when it has none.
 * @throws SyncError `STORE_GAP` when a block does not fit on the one before, or the store has no `rollbackTo`;
 *   `BELOW_FINALIZED` when a final block would be dropped
 * @throws TypeError for a batch without blocks, a first one without an identity, and for marks that {@link planAdvance}
 *   refuses
 */
export function planCommit(
  batch: CommitBatch,
  checkpoint: Checkpoint,
  identity: ChainIdentity | null,
  found: BlockRef | null,
): CommitResult {
  const first = batch.blocks[0];
  if (first === undefined) throw new TypeError('A batch needs at least one block.');
  const known = identity ?? batch.identity;
  if (known === null) throw new TypeError('The first batch of a store needs an identity.');
  const kept = batch.rollbackTo === null ? checkpoint : planRollback(batch.rollbackTo, found, checkpoint);
  let { head } = kept;
  for (const { frame } of batch.blocks) head = checkFits(frame.header, head);
  const base = kept.head === null ? first.frame.header.height : kept.base;
  return { checkpoint: planAdvance(batch, { ...kept, head, base }), identity: known };
}

/**
 * What a store's checkpoint is once its blocks can be relied on further: what is not above the present block changes
 * nothing. Nothing is changed.
 *
 * @throws TypeError for a confirmed block above the head, or a finalized one above the confirmed one.
 */
export function planAdvance(to: CheckpointAdvance, checkpoint: Checkpoint): Checkpoint {
  const confirmed = laterOf(checkpoint.confirmed, to.confirmed);
  const finalized = laterOf(checkpoint.finalized, to.finalized);
  if (isAbove(confirmed, checkpoint.head))
    throw new TypeError(`Block ${confirmed?.height ?? ''} can't be confirmed above the head.`);
  if (isAbove(finalized, confirmed))
    throw new TypeError(`Block ${finalized?.height ?? ''} can't be final above the confirmed block.`);
  return { ...checkpoint, confirmed, finalized };
}

function checkFits(header: BlockRef & { readonly previousHash: string }, head: BlockRef | null): BlockRef {
  const { height, hash, previousHash } = header;
  if (head !== null && (height !== head.height + 1 || previousHash !== head.hash)) {
    const message = `Block ${height} on ${previousHash} does not fit on the head ${head.height} ${head.hash}.`;
    throw new SyncError('STORE_GAP', message, { height });
  }
  return { height, hash };
}

function laterOf(now: BlockRef | null, asked: BlockRef | null): BlockRef | null {
  return isAbove(asked, now) ? asked : now;
}

/** A store that is emptied has no base any more. */
function baseAbove(head: BlockRef | null, base: number): number {
  return head === null ? 0 : base;
}

function isAbove(a: BlockRef | null, b: BlockRef | null): boolean {
  return a !== null && (b === null || a.height > b.height);
}

/**
 * Checks that a store may be rolled back, and says what its checkpoint is afterwards. Nothing is changed.
 *
 * @param to - the new head; `null` empties the store.
 * @param found - the header that the store has at the height of `to`; `null` when it has none.
 * @param checkpoint - of the store now.
 * @throws SyncError `BELOW_FINALIZED` when a final block would be dropped, `STORE_GAP` when the store has no such block
 */
export function planRollback(
  to: BlockRef | null,
  found: BlockRef | null,
  checkpoint: Checkpoint,
): Checkpoint {
  const { base, confirmed, finalized } = checkpoint;
  if (finalized !== null && (to === null || to.height < finalized.height)) {
    const message = `Block ${finalized.height} is final; the store can't go back to ${to?.height ?? 'nothing'}.`;
    throw new SyncError('BELOW_FINALIZED', message, { height: finalized.height });
  }
  if (to !== null && found?.hash !== to.hash) {
    throw new SyncError('STORE_GAP', `The store has no block ${to.height} ${to.hash}.`, {
      height: to.height,
    });
  }
  const kept = isAbove(confirmed, to) ? to : confirmed;
  return { ...checkpoint, head: to, base: baseAbove(to, base), confirmed: kept };
}

/**
 * Checks that the blocks below one may be dropped, and says what a store's checkpoint is afterwards: that block is the base
 * and final. Nothing is changed.
 *
 * @param found - the header that the store has at the height of `to`; `null` when it has none.
 * @returns `checkpoint` itself when the block is not above the base.
 * @throws TypeError for a height at which a tile could be cut, and a block above the confirmed one
 * @throws SyncError `STORE_GAP` when the store has no such block
 */
export function planPrune(to: BlockRef, found: BlockRef | null, checkpoint: Checkpoint): Checkpoint {
  const { height, hash } = to;
  if (!Number.isSafeInteger(height) || height < 0 || height % MAX_TILE_BLOCKS !== 0)
    throw new TypeError(`A store begins at a multiple of ${MAX_TILE_BLOCKS}, not at ${height}.`);
  if (height <= checkpoint.base) return checkpoint;
  if (found?.hash !== hash)
    throw new SyncError('STORE_GAP', `The store has no block ${height} ${hash}.`, { height });
  return { ...planAdvance({ confirmed: null, finalized: { height, hash } }, checkpoint), base: height };
}

/** Which blocks a stage holds so far. */
export interface StagedBlocks {
  /** Height of the first one; 0 while there is none. */
  readonly base: number;
  /** The last one. */
  readonly head: BlockRef | null;
}

/** A stage without a block: what {@link planStaged} begins with. */
export const NOTHING_STAGED: StagedBlocks = { base: 0, head: null };

/**
 * Checks that frames fit on the blocks staged so far, and says what is staged with them. Nothing is changed.
 *
 * @throws SyncError `STORE_GAP` when a block does not fit on the one before
 */
export function planStaged(frames: readonly Frame[], staged: StagedBlocks): StagedBlocks {
  let { head } = staged;
  for (const { header } of frames) head = checkFits(header, head);
  const base = staged.head === null ? (frames[0]?.header.height ?? 0) : staged.base;
  return { base, head };
}

/**
 * Checks that a stage holds what is to be activated, and says what the store is with it: all blocks are final, because
 * nothing in the store can take them back, and assumed. Nothing is changed.
 *
 * @throws SyncError `STORE_GAP` when the head that is asked for is not the last staged block
 */
export function planActivation(activation: StageActivation, staged: StagedBlocks): CommitResult {
  const { identity, head: asked } = activation;
  const { base, head } = staged;
  if (head?.height !== asked.height || head.hash !== asked.hash) {
    const last = head === null ? 'there is none' : `that is ${head.height} ${head.hash}`;
    const message = `Block ${asked.height} ${asked.hash} is not the last staged block: ${last}.`;
    throw new SyncError('STORE_GAP', message, { height: asked.height });
  }
  return { checkpoint: { head, base, confirmed: head, finalized: head, assumed: head }, identity };
}
