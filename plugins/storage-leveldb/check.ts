import type { BlockHeader, BlockRef, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Reader } from './reader.js';
import type { Meta } from './records.js';

/** Above every height: 2^53−1. */
const TOP = Number.MAX_SAFE_INTEGER;

/**
 * Reads what the store is and checks that it is so: every height from base to head, each linked to the one before,
 * nothing above the head, nothing missing that was acknowledged, and no rollback lost.
 *
 * @param acknowledged - the height noted outside the store; `null` when none was.
 * @throws SyncError `STORE_DAMAGED`
 */
export async function readMeta(
  reader: Reader,
  acknowledged: number | null,
  signal?: AbortSignal,
): Promise<Meta> {
  const meta = await reader.meta();
  checkAcknowledged(meta.checkpoint.head, acknowledged);
  await checkHeights(reader, meta, signal);
  await checkRollbacks(reader, meta, signal);
  return meta;
}

function checkAcknowledged(head: BlockRef | null, acknowledged: number | null): void {
  const height = head === null ? -1 : head.height;
  if (acknowledged === null || height >= acknowledged) return;
  const message = `The store had acknowledged block ${acknowledged}, but ends at ${head === null ? 'nothing' : `block ${height}`}.`;
  throw new SyncError('STORE_DAMAGED', message, { height: height + 1 });
}

async function checkHeights(reader: Reader, { checkpoint }: Meta, signal?: AbortSignal): Promise<void> {
  const { base } = checkpoint;
  let last: BlockRef | null = null;
  for await (const infos of reader.infos({ from: 0, to: TOP }, { signal })) {
    for (const { header } of infos) last = checkNext(header, last, base);
  }
  checkEnd(last, checkpoint);
}

function checkEnd(last: BlockRef | null, { base, head }: Checkpoint): void {
  if (last?.height !== head?.height) {
    const wanted = heightAfter(last, base);
    throw gap(wanted, head?.height ?? wanted);
  }
  if (last !== null && last.hash !== head?.hash) throw broken(last.height);
}

/** A lost rollback shows in no height when the heights were filled again, but the state is then wrong. */
async function checkRollbacks(reader: Reader, { rollbacks }: Meta, signal?: AbortSignal): Promise<void> {
  let last = 0;
  for await (const numbers of reader.rollbacks({ signal })) {
    for (const number of numbers) {
      if (number !== last + 1) throw lostRollback(last + 1);
      last = number;
    }
  }
  if (last !== rollbacks) throw lostRollback(Math.min(last, rollbacks) + 1);
}

function lostRollback(number: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Rollback ${number} of the store is lost, or its note is.`);
}

function checkNext(header: BlockHeader, last: BlockRef | null, base: number): BlockRef {
  const wanted = heightAfter(last, base);
  if (header.height !== wanted) throw gap(wanted, header.height);
  if (last !== null && header.previousHash !== last.hash) throw broken(header.height);
  return header;
}

function heightAfter(last: BlockRef | null, base: number): number {
  return last === null ? base : last.height + 1;
}

function gap(wanted: number, found: number): SyncError {
  const message = `Block ${wanted} is missing from the store, which has or should have block ${found}.`;
  return new SyncError('STORE_DAMAGED', message, { height: wanted });
}

function broken(height: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} of the store does not fit on the one before it.`, {
    height,
  });
}
