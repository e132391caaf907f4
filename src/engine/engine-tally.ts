import { ChainTally } from '../chain/chain-tally.js';
import type { WireItem } from '../contracts/index.js';
import { Counts } from '../internal/timing.js';
import type { SnapshotEvent, SyncEvent } from './events/events.js';

/** What an engine has done since it was made: plain numbers, which are looked at when somebody asks. */
export class EngineTally {
  /** Encoded bytes that came, by way and codec: `stream gzip`. */
  readonly received = new Counts();
  /** By the code of the error that made it necessary. */
  readonly reconnects = new Counts();
  /** Peers that are not asked any more or not for long, by the code of the error. */
  readonly drops = new Counts();
  /** By what became of them. */
  readonly snapshots = new Counts();
  rollbacks = 0;
  rolledBackBlocks = 0;
  tilesFetched = 0;
  blocks = 0;
  /** When the head moved last, on the clock of the day; `null` before it did. */
  lastBlockMs: number | null = null;
  #height: number | null = null;
  /** Of the chain that is open, or was last. */
  chain = new ChainTally();
  /** Verified bytes that wait for the disk. */
  queueBytes: () => number = () => 0;

  /** Something came from a peer. */
  items(way: string, items: readonly WireItem[]): void {
    let codec = '';
    let bytes = 0;
    for (const item of items) {
      if (item.kind === 'frame') {
        if (item.codec !== codec) {
          this.#received(way, codec, bytes);
          codec = item.codec;
          bytes = 0;
        }
        bytes += item.bytes.byteLength;
      } else if (item.kind === 'tile') {
        this.#received(way, 'gzip', item.tile.bytes);
        this.tilesFetched += 1;
      }
    }
    this.#received(way, codec, bytes);
  }

  /** Once for a run of blocks, of which there are many. */
  #received(way: string, codec: string, bytes: number): void {
    if (bytes > 0) this.received.add(`${way} ${codec}`, bytes);
  }

  /** A store was opened: its head is not news. */
  opened(height: number | null): void {
    this.#height = height;
  }

  /** Something was told. */
  event(event: SyncEvent): void {
    if (event.type === 'progress') this.blocks = event.blocks;
    else if (event.type === 'checkpoint') this.#moved(event.head.height);
    else if (event.type === 'snapshot') this.#snapshot(event);
    else this.#incident(event);
  }

  #incident(event: SyncEvent): void {
    if (event.type === 'retry') this.reconnects.add(event.error.code);
    if (event.type === 'peer' && event.status === 'dropped' && event.error !== null)
      this.drops.add(event.error.code);
    if (event.type !== 'rollback') return;
    this.rollbacks += 1;
    this.rolledBackBlocks += event.dropped.length;
  }

  #snapshot({ status, verifiedBytes }: SnapshotEvent): void {
    if (status === 'begun' || status === 'imported') this.snapshots.add(status);
    if (status === 'imported') this.received.add('snapshot document', verifiedBytes);
  }

  /** Not each checkpoint has a new head: what is confirmed may have moved alone. */
  #moved(height: number): void {
    if (height !== this.#height) this.lastBlockMs = Date.now();
    this.#height = height;
  }

  /** Takes in what another one has counted that counts no more. */
  merge(other: EngineTally): void {
    this.received.merge(other.received);
    this.reconnects.merge(other.reconnects);
    this.drops.merge(other.drops);
    this.snapshots.merge(other.snapshots);
    this.rollbacks += other.rollbacks;
    this.rolledBackBlocks += other.rolledBackBlocks;
    this.tilesFetched += other.tilesFetched;
    this.blocks += other.blocks;
    this.lastBlockMs = other.lastBlockMs ?? this.lastBlockMs;
    this.chain.merge(other.chain);
  }
}
