import type { ChainChange, EndpointDeps } from '../../../src/contracts/index.js';
import { Bundles } from './bundles.js';
import { formatBlockEvent } from './format.js';
import { RecentBlocks } from './recent-blocks.js';
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
  /** What is further back; `null` where each stream reads for itself. */
  readonly bundles: Bundles | null;
  leave(): void;
}

/** The streams of one codec. */
interface Channel {
  readonly recent: RecentBlocks;
  readonly bundles: Bundles | null;
  readonly listeners: Set<Listener>;
}

/** Bounds on what is held for each codec, in bytes. */
export interface HubLimits {
  /** The newest blocks. */
  readonly recentBytes: number;
  /** Bundles of older blocks; 0 for no bundles. */
  readonly bundleBytes: number;
}

/**
 * What all streams of a server share: one subscription to the source, and for each codec in use the newest blocks and
 * bundles of older ones as finished events. Holds nothing while no stream is open.
 */
export class Hub {
  readonly #deps: EndpointDeps;
  readonly #limits: HubLimits;
  readonly #channels = new Map<string, Channel>();
  #unsubscribe: (() => void) | null = null;
  #isDue = false;

  constructor(deps: EndpointDeps, limits: HubLimits) {
    this.#deps = deps;
    this.#limits = limits;
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
      if (channel.listeners.size === 0 && this.#channels.get(codec) === channel) this.#close(codec, channel);
    };
    const { recent, bundles } = channel;
    return { recent, bundles, leave };
  }

  #open(codec: string): Channel {
    const { codecs, limits } = this.#deps;
    const transcoder = new Transcoder(codecs, limits, codec);
    const { recentBytes, bundleBytes } = this.#limits;
    const recent = new RecentBlocks((frame) => formatBlockEvent(transcoder.frame(frame)), recentBytes);
    const bundles = bundleBytes === 0 ? null : new Bundles(this.#deps, codec, bundleBytes);
    const channel = { recent, bundles, listeners: new Set<Listener>() };
    this.#channels.set(codec, channel);
    return channel;
  }

  #close(codec: string, { bundles }: Channel): void {
    this.#channels.delete(codec);
    bundles?.close();
    if (this.#channels.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
  }

  #change(change: ChainChange): void {
    for (const { recent, bundles } of this.#channels.values()) {
      recent.change(change);
      if (change.kind === 'rollback') bundles?.rollback(change.to);
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
