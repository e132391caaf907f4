import type {
  ArchivedSnapshot,
  SnapshotArchive,
  SnapshotOrder,
} from '../../../plugins/transport-snapshot/server/index.js';
import type { Chain } from '../../chain/chain.js';

/** A snapshot of before is made again when the chain has grown: clients refuse those of long ago. */
const ONE_DAY_MS = 24 * 60 * 60_000;

/** When a snapshot is made. */
export interface SnapshotsDue {
  /** Blocks between two. */
  readonly every: number;
  readonly nowMs: number;
}

/** Makes a snapshot where there is none, or the newest is too many blocks behind or more than a day old. */
export async function makeIfDue(
  archive: SnapshotArchive,
  order: SnapshotOrder & { readonly source: Chain },
  due: SnapshotsDue,
  signal: AbortSignal,
): Promise<void> {
  const { source, type, codec } = order;
  const { head } = source.tip();
  const chainId = source.chainId();
  if (head === null || chainId === null) return;
  const [newest] = archive.list({ chain: source.chain, chainId, type, codec });
  if (newest === undefined || isDue(newest, head.height, due)) await archive.build(order, { signal });
}

function isDue(
  { manifest: { height, timestamp } }: ArchivedSnapshot,
  top: number,
  { every, nowMs }: SnapshotsDue,
): boolean {
  return top - height >= every || (top > height && nowMs - timestamp > ONE_DAY_MS);
}
