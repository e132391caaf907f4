import type { ChainChange, EndpointDeps } from '../../../src/contracts/index.js';
import { formatBlockEvent } from './format.js';
import { RecentBlocks } from './recent-blocks.js';
import { SharedEvents } from './shared-events.js';
import { Transcoder } from './transcoder.js';

/** A stream that hears of changes; it must not throw. */
export interface Listener {
  /** After the newest blocks have changed. */
  readonly change: (change: ChainChange) => void;
  /** Once after changes that were reported together. */
  readonly ready: () => void;
}

/** A stream's place in a {@link Hub}. */
export interface Membership {
  readonly recent: RecentBlocks;
  /** Of this stream alone; what it has to encode is shared. */
  readonly transcoder: Transcoder;
  leave(): void;
}

/** The streams of one codec. */
interface Channel {
  readonly recent: RecentBlocks;
  readonly shared: SharedEvents;
  readonly listeners: Set<Listener>;
}

/** Bound on the events of older blocks that are held for each codec, in bytes. */
const SHARED_BYTES = 8 * 1024 * 1024;

/**
 * What all streams of a server share: one subscription to the source, and for each codec in use the newest blocks as
 * finished events, and older ones that had to be encoded. Holds nothing while no stream is open.
 */
export class Hub {
  readonly #deps: EndpointDeps;
  readonly #recentBytes: number;
  readonly #channels = new Map<string, Channel>();
  #unsubscribe: (() => void) | null = null;
  #isDue = false;

  /** @param recentBytes - bound on the newest blocks that are held for each codec. */
  constructor(deps: EndpointDeps, recentBytes: number) {
    this.#deps = deps;
    this.#recentBytes = recentBytes;
  }

  /** Adds a stream. */
  join(codec: string, listener: Listener): Membership {
    this.#unsubscribe ??= this.#deps.source.subscribe((change) => {
      this.#change(change);
    });
    const channel = this.#channels.get(codec) ?? this.#open(codec);
    channel.listeners.add(listener);
    const leave = (): void => {
      channel.listeners.delete(listener);
      if (channel.listeners.size === 0 && this.#channels.get(codec) === channel) this.#close(codec);
    };
    const { recent, shared } = channel;
    return { recent, transcoder: new Transcoder(this.#deps, codec, shared), leave };
  }

  #open(codec: string): Channel {
    const transcoder = new Transcoder(this.#deps, codec);
    const recent = new RecentBlocks((frame) => formatBlockEvent(transcoder.frame(frame)), this.#recentBytes);
    const channel = { recent, shared: new SharedEvents(SHARED_BYTES), listeners: new Set<Listener>() };
    this.#channels.set(codec, channel);
    return channel;
  }

  #close(codec: string): void {
    this.#channels.delete(codec);
    if (this.#channels.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
  }

  #change(change: ChainChange): void {
    for (const { recent, shared } of this.#channels.values()) {
      recent.change(change);
      if (change.kind === 'rollback') shared.clear();
    }
    for (const { listeners } of this.#channels.values())
      for (const { change: heard } of listeners) heard(change);
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#ready();
    });
  }

  /** One loop for all streams: what an event costs is taken once for each of them. */
  #ready(): void {
    this.#isDue = false;
    for (const { listeners } of this.#channels.values()) for (const { ready } of listeners) ready();
  }
}
