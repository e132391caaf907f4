import type { BlockRef, Peer, TransportDeps } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { CHAIN_HEAD, isHeadBelow } from './chain-head.js';
import { openExchange } from './exchange.js';
import { responseError } from './response-error.js';

/**
 * Asks a peer whether a block is on its chain (protocol section 2.3): the head of the answer for the block behind it is
 * enough. The peer's status has to name a head that is not below the block: what is above its head it can't judge. Where
 * several servers are behind one address, another one may answer: so the answer names the head that it is of.
 *
 * @throws SyncError `PEER_BEHIND` when that head is below the block; `PEER_*`, `BELOW_BASE`, `REDIRECT_REFUSED`, `ABORTED`
 */
export async function askHolds(
  deps: TransportDeps,
  peer: Peer,
  { height, hash }: BlockRef,
  signal: AbortSignal,
): Promise<boolean> {
  const next = height + 1;
  const target = `/json?from=${next}&to=${next}&parent_hash=${encodeURIComponent(hash)}`;
  const exchange = await openExchange(deps, { peer, method: 'HEAD', target, headers: {} }, signal);
  try {
    const { status, headers } = exchange.response;
    if (status === 200 && isHeadBelow(headers.get(CHAIN_HEAD), height))
      throw new SyncError('PEER_BEHIND', `${peer.url} answered from a head below block ${height}.`, {
        height,
      });
    if (status === 200) return true;
    if (status === 409) return false;
    // There is no body to say more: an oldest block above this one has a status of its own.
    if (status === 410)
      throw new SyncError('BELOW_BASE', `${peer.url} does not hold block ${next} any more.`, {
        height: next,
      });
    throw await responseError(exchange, { peer, limits: deps.limits, from: next, signal });
  } finally {
    exchange.close();
  }
}
