import type { BlockHeader, BlockRef, Checkpoint } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import type { Reader } from './reader.js';
import { decodeJson, type Meta } from './records.js';
import { META_KEY } from './keys.js';

const EMPTY: Meta = { checkpoint: { head: null, base: 0, finalized: null }, identity: null };

/** Above every height: 2^53−1. */
const TOP = Number.MAX_SAFE_INTEGER;

/**
 * Reads what the store is and checks that it is so: every height from base to head, each linked to the one before,
 * nothing above the head, and nothing missing that was acknowledged.
 *
 * @param acknowledged - the height noted outside the store; `null` when none was.
 * @throws SyncError `STORE_DAMAGED`
 */
export async function readMeta(
  reader: Reader,
  acknowledged: number | null,
  signal?: AbortSignal,
): Promise<Meta> {
  const body = await reader.value(META_KEY, 'record of what the store is');
  const meta = body === null ? EMPTY : (decodeJson(body) as Meta);
  const { head } = meta.checkpoint;
  checkAcknowledged(head, acknowledged);
  await checkHeights(reader, meta.checkpoint, signal);
  return meta;
}

function checkAcknowledged(head: BlockRef | null, acknowledged: number | null): void {
  const height = head === null ? -1 : head.height;
  if (acknowledged === null || height >= acknowledged) return;
  const message = `The store had acknowledged block ${acknowledged}, but ends at ${head === null ? 'nothing' : `block ${height}`}.`;
  throw new SyncError('STORE_DAMAGED', message, { height: height + 1 });
}

async function checkHeights(reader: Reader, { base, head }: Checkpoint, signal?: AbortSignal): Promise<void> {
  let last: BlockRef | null = null;
  for await (const infos of reader.infos({ from: 0, to: TOP }, { signal })) {
    for (const { header } of infos) last = checkNext(header, last, base);
  }
  checkEnd(last, head, base);
}

function checkEnd(last: BlockRef | null, head: BlockRef | null, base: number): void {
  const wanted = heightAfter(last, base);
  if (last?.height !== head?.height) throw gap(wanted, head?.height ?? wanted);
  if (last !== null && last.hash !== head?.hash) throw broken(last.height);
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
