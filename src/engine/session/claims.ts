import type { BlockRef, Peer, WireComplete } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';
import { belowFinalized } from './fork.js';

/** Whether the last height wanted is there. */
export function isDone(head: BlockRef | null, to: number | null): boolean {
  return to !== null && head !== null && head.height >= to;
}

/**
 * A peer that ends with a head it has not delivered is not believed; one that ends below ours is merely behind.
 *
 * @throws SyncError `HEAD_UNPROVED`, `FORKED`
 */
export function checkComplete(complete: WireComplete | null, head: BlockRef | null, to: number | null): void {
  const claimed = complete?.head ?? null;
  if (claimed === null || isDone(head, to)) return;
  const height = head === null ? -1 : head.height;
  if (claimed.height > height) throw undelivered(claimed.height, height);
  if (head !== null && claimed.height === height) checkSameHead(claimed.hash, head);
}

/**
 * A peer may take back what it has sent, unless it is final here.
 *
 * @throws SyncError `BELOW_FINALIZED`, `PROTOCOL_VIOLATION`
 */
export async function checkRollback(chain: Chain, to: BlockRef, peer: Peer): Promise<void> {
  const { finalized } = chain.tip();
  if (finalized !== null && to.height < finalized.height) throw belowFinalized(finalized, peer);
  if (!(await chain.holds(to))) throw foreignRollback(to);
}

/** The error for a rollback where none can be. */
export function unexpectedRollback(to: BlockRef): SyncError {
  const message = `The peer sent a rollback to block ${to.height} in a stream that does not follow.`;
  return new SyncError('PROTOCOL_VIOLATION', message, { height: to.height });
}

function foreignRollback({ height, hash }: BlockRef): SyncError {
  const message = `The peer sent a rollback to block ${height} ${hash}, which it has not sent before.`;
  return new SyncError('PROTOCOL_VIOLATION', message, { height });
}

function undelivered(claimed: number, height: number): SyncError {
  const message = `The peer claims block ${claimed} as its head, but its stream ended at block ${height}.`;
  return new SyncError('HEAD_UNPROVED', message, { height: claimed });
}

function checkSameHead(claimed: string | null, head: BlockRef): void {
  if (claimed === null || claimed === head.hash) return;
  const message = `The peer claims ${claimed} at height ${head.height}, but the block here is ${head.hash}.`;
  throw new SyncError('FORKED', message, { height: head.height });
}
