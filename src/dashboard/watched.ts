import type { Block } from '../chain/block.js';
import type { BlockSource, Checkpoint, Frame } from '../contracts/index.js';
import type { SyncEvent, SyncState } from '../engine/events/events.js';
import type { PeerInfo } from '../engine/peers/peer-record.js';

/** What ends a subscription. */
export interface Subscribed {
  unsubscribe(): void;
}

/** What the dashboard looks at of a chain: a `Chain` is one. */
export interface WatchedChain extends Pick<BlockSource, 'chain' | 'chainId' | 'subscribe' | 'read'> {
  tip(): Checkpoint;
  decode(frame: Frame): Block;
}

/** What the dashboard looks at of an engine: a `SyncEngine` is one. */
export interface WatchedEngine {
  readonly state: SyncState;
  readonly peers: readonly PeerInfo[];
  readonly chain: WatchedChain | null;
  opened(): Promise<WatchedChain>;
  readonly events: { subscribe(listener: (event: SyncEvent) => void): Subscribed };
}

/** What a dashboard shows of a server. */
export interface WatchedServer {
  /** Streams open now. */
  readonly openStreams: number;
  /** Its bounds. */
  readonly limits: { readonly maxStreams: number };
  /** The status document (protocol section 2.1). */
  status(): object;
}

/** The node that a dashboard shows. */
export interface WatchedNode {
  readonly engine: WatchedEngine | null;
  /** Of a node without an engine; else that of the engine. */
  readonly chain: WatchedChain | null;
}
