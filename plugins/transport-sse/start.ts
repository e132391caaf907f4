import type { BlockRef, BlockSource } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
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
  const known = await hashBefore(source, plan.from);
  if (known === null || known === plan.parentHash) return;
  const message = `The block below ${plan.from} of this chain does not have the hash that \`parent_hash\` names.`;
  throw new SyncError('FORKED', message, { ancestors: await ancestors(source, plan.from - 1) });
}

/** The height asked for is below the oldest one held. */
export function belowBase(height: number, base: number): SyncError {
  return new SyncError('BELOW_BASE', `Block ${height} is not held; the oldest one here is ${base}.`, {
    base,
  });
}

/** The hash at `height − 1`, also where only the block above it is held; `null` above the head. */
async function hashBefore(source: BlockSource, height: number): Promise<string | null> {
  const parent = height > source.tip().base ? await source.header(height - 1) : null;
  if (parent !== null) return parent.hash;
  return (await source.header(height))?.previousHash ?? null;
}

const MAX_ANCESTORS = 64;

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
