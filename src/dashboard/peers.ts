import type { PeerEvent } from '../engine/events/events.js';
import type { PeerInfo } from '../engine/peers/peer-record.js';
import type { PeerState, ShownError, ShownPeer } from './document.js';
import { shownError, shownUrl } from './shown.js';

/** Of a list that is longer, the rest is not shown. */
const MAX_PEERS = 50;

/** Remembers of each peer why it failed last: the engine tells it once. */
export class PeerNews {
  readonly #why = new Map<string, ShownError>();

  /** Takes what was told of a peer. */
  note({ peer, status, error }: PeerEvent): void {
    if (status === 'connected') this.#why.delete(peer);
    const shown = shownError(error);
    if (shown !== null) this.#why.set(peer, shown);
  }

  /**
   * What is known of peers, in the order of the configuration.
   *
   * @param here - the newest height here: the peer in use has it at least, whatever it said when it was asked.
   */
  shown(peers: readonly PeerInfo[], active: string | null, here: number): readonly ShownPeer[] {
    const top = Math.max(here, ...peers.map(({ head }) => head?.height ?? -1));
    return peers.slice(0, MAX_PEERS).map((info) => {
      const claimed = info.head?.height ?? -1;
      const head = info.url === active ? Math.max(claimed, here) : claimed;
      return this.#shown(info, active, { head, lag: top - head });
    });
  }

  #shown(
    info: PeerInfo,
    active: string | null,
    at: { readonly head: number; readonly lag: number },
  ): ShownPeer {
    const { url, latencyMs, bytesPerSecond, failures, bannedForMs, dropped } = info;
    return {
      url: shownUrl(url),
      state: stateOf(info, active),
      head: at.head < 0 ? null : at.head,
      lag: at.head < 0 || dropped !== null ? null : at.lag,
      latencyMs,
      bytesPerSecond,
      failures,
      bannedForMs: Math.round(bannedForMs),
      why: shownError(dropped) ?? this.#why.get(url) ?? null,
    };
  }
}

function stateOf({ url, dropped, bannedForMs }: PeerInfo, active: string | null): PeerState {
  if (dropped !== null) return 'dropped';
  if (bannedForMs > 0) return 'waiting';
  return url === active ? 'active' : 'ready';
}
