import type { BlockRef, Peer, Transport } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { Chain } from '../../chain/chain.js';
import type { PeerRecord } from '../peers/peer-record.js';

/** What asking peers for blocks of ours works with. */
export interface LocateDeps {
  readonly chain: Chain;
  /** One that can ask whether a peer has a block. */
  readonly transport: Transport;
}

/** Where a peer's chain is against ours. */
export interface Place {
  /** The newest block of ours that the peer is known to have; `null` when none was found. */
  readonly common: BlockRef | null;
  /** The peer's head, by its own word. */
  readonly theirs: BlockRef;
  /** Whether it has another block than ours above `common`; else the one has only more than the other. */
  readonly differs: boolean;
}

/**
 * Finds the newest block that a peer has in common with this node, by asking whether it has blocks of ours: the newest that
 * it can have first, and then, if it has another one there, further and further back.
 *
 * @param theirs - the peer's head.
 * @throws SyncError `PEER_*`
 */
export async function locate(
  deps: LocateDeps,
  record: PeerRecord,
  theirs: BlockRef,
  signal: AbortSignal,
): Promise<Place> {
  const { head, base } = deps.chain.tip();
  const top = Math.min(head?.height ?? -1, theirs.height);
  if (head === null || top < base) return { common: null, theirs, differs: false };
  const has = (height: number): Promise<BlockRef | null> => hasAt(deps, record, height, signal);
  const newest = await has(top);
  if (newest !== null) return { common: newest, theirs, differs: false };
  return { common: await commonBelow(base, top, has), theirs, differs: true };
}

/** Forks are near the head: so the gaps grow from there, until there is a block in common. */
async function commonBelow(
  base: number,
  top: number,
  has: (height: number) => Promise<BlockRef | null>,
): Promise<BlockRef | null> {
  let above = top;
  for (let gap = 1; above > base; gap *= 2) {
    const height = Math.max(base, above - gap);
    const found = await has(height);
    if (found !== null) return newestBetween(found, above, has);
    above = height;
  }
  return null;
}

/** @param below - a height at which the peer has another block. */
async function newestBetween(
  low: BlockRef,
  below: number,
  has: (height: number) => Promise<BlockRef | null>,
): Promise<BlockRef> {
  let [found, to] = [low, below];
  while (to - found.height > 1) {
    const middle = Math.floor((found.height + to) / 2);
    const ref = await has(middle);
    if (ref === null) to = middle;
    else found = ref;
  }
  return found;
}

/** Our block at a height, if the peer has it. */
async function hasAt(
  { chain, transport }: LocateDeps,
  record: PeerRecord,
  height: number,
  signal: AbortSignal,
): Promise<BlockRef | null> {
  const header = await chain.header(height);
  if (header === null) return null;
  const ref = { height, hash: header.hash };
  return (await holds(transport, record, ref, signal)) ? ref : null;
}

/** Whether a peer has a block on its chain. @throws SyncError `PEER_*` */
export async function holds(
  transport: Transport,
  { peer }: { readonly peer: Peer },
  ref: BlockRef,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = transport.holds?.(peer, ref, { signal });
  if (answer !== undefined) return answer;
  throw new SyncError(
    'PEER_REFUSED',
    `The transport ${transport.name} can't ask whether a peer has a block.`,
    {
      peer: peer.url,
    },
  );
}
