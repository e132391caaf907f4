import type { BlockRef, BlockSource } from '../../../src/contracts/index.js';
import { belowBase, forkedBelow, hashBefore } from '../../../src/internal/ancestry.js';
import type { Plan } from './request.js';

/** Whether an `EventSource` asks again after it has had everything; only 204 makes it stop. */
export function isFinished(plan: Plan, head: BlockRef | null): boolean {
  if (!plan.resumed) return false;
  return plan.from > plan.to || (!plan.follow && plan.from > (head?.height ?? -1));
}

/** Checks that a stream can begin where it is asked to. @throws SyncError `BELOW_BASE`, `FORKED` */
export async function checkStart(source: BlockSource, plan: Plan): Promise<void> {
  const { base } = source.tip();
  if (plan.from < base) throw belowBase(plan.from, base);
  if (plan.parentHash === null) return;
  const known = await hashBefore(source, plan.parentOf);
  if (known === null || known === plan.parentHash) return;
  if (plan.resumed && (await hashBefore(source, plan.from)) === plan.parentHash) return;
  throw await forkedBelow(source, plan.parentOf, plan.from - 1);
}
