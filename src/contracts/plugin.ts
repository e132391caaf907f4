import type { ChainRules } from './chain-rules.js';
import type { Codec } from './codec.js';
import type { Endpoint, EndpointDeps } from './endpoint.js';
import type { HttpFetch } from './http.js';
import type { SignatureScheme } from './signature.js';
import type { SnapshotTransport } from './snapshot.js';
import type { Storage } from './storage.js';
import type { Transport } from './transport.js';
import type { CodecWorkers } from './workers.js';

/** Version of the plugin contracts. A plugin made for another one is refused with `PLUGIN_INCOMPATIBLE`. */
export const PLUGIN_API_VERSION = 1;

/** What all plugins state about themselves. */
export interface PluginBase {
  /** Name that a configuration refers to. */
  readonly name: string;
  readonly apiVersion: typeof PLUGIN_API_VERSION;
}

/** What an engine gives a transport. */
export interface TransportDeps {
  /** The HTTP client to use: the host's, or the engine's own. */
  readonly fetch: HttpFetch;
  readonly limits: TransportLimits;
}

/** Bounds of a transport (protocol section 4). Times in milliseconds, sizes in bytes. */
export interface TransportLimits {
  /**
   * From the request until there is a connection, TLS included.
   *
   * @defaultValue 10,000
   */
  readonly connectTimeoutMs: number;
  /**
   * From then to the response's head. A `fetch` of the host doesn't tell when it is connected: it gets both times
   * together.
   *
   * @defaultValue 10,000
   */
  readonly firstByteTimeoutMs: number;
  /**
   * Longest silence of an open response; heartbeats count as a sign of life.
   *
   * @defaultValue 45,000
   */
  readonly idleTimeoutMs: number;
  /**
   * Longest silence of a stream that is followed, before it has come to the head: a server sends something at once, so
   * that something on the way holds it back.
   *
   * @defaultValue 5,000
   */
  readonly muteTimeoutMs: number;
  /**
   * Longest time without a new block while one is due; heartbeats don't count.
   *
   * @defaultValue 60,000
   */
  readonly progressTimeoutMs: number;
  /** Largest event, frame or document as it is sent: what a block of `maxBlockBytes` can need. */
  readonly maxEventBytes: number;
  /**
   * Largest block, decoded.
   *
   * @defaultValue 64 MiB
   */
  readonly maxBlockBytes: number;
}

/** Registers a codec. */
export interface CodecPlugin extends PluginBase {
  readonly kind: 'codec';
  /** Makes the codec; called once for each engine or server. */
  create(): Codec;
  /** How worker threads make the same codec; a codec without it works on the main thread. */
  readonly worker?: {
    /** URL of an ES module whose export `createCodec(options)` makes the codec. */
    readonly module: string;
    /** Handed to `createCodec`; what `structuredClone` takes. */
    readonly options: unknown;
  };
}

/** Registers a storage engine. */
export interface StoragePlugin extends PluginBase {
  readonly kind: 'storage';
  /** Makes the storage, not yet open; called once for each engine or chain. */
  create(): Storage;
}

/** Registers chain rules. */
export interface ChainRulesPlugin extends PluginBase {
  readonly kind: 'chain';
  /** Makes the rules. */
  create(): ChainRules;
  /** How worker threads make the same rules; blocks under rules without it are verified on the main thread. */
  readonly worker?: {
    /** URL of an ES module whose export `createRules(options)` makes the rules. */
    readonly module: string;
    /** Handed to `createRules`; what `structuredClone` takes. */
    readonly options: unknown;
  };
}

/** Registers the client half of a transport. */
export interface TransportPlugin extends PluginBase {
  readonly kind: 'transport';
  /** Makes the transport; called once for each engine. */
  create(deps: TransportDeps): Transport;
}

/** Registers the server half of a transport. */
export interface EndpointPlugin extends PluginBase {
  readonly kind: 'endpoint';
  /** Makes the endpoint; called once for each server. */
  create(deps: EndpointDeps): Endpoint;
}

/** What an engine gives a snapshot transport. */
export interface SnapshotTransportDeps extends TransportDeps {
  readonly workers: CodecWorkers;
}

/** Registers the client half of a snapshot transport. */
export interface SnapshotTransportPlugin extends PluginBase {
  readonly kind: 'snapshot-transport';
  /** Makes the transport; called once for each engine. */
  create(deps: SnapshotTransportDeps): SnapshotTransport;
}

/** Registers a signature scheme. */
export interface SignaturePlugin extends PluginBase {
  readonly kind: 'signature';
  /** Makes the scheme. */
  create(): SignatureScheme;
}

/** Anything that can be registered. A plugin is a plain object: it never sees the container. */
export type Plugin =
  | CodecPlugin
  | StoragePlugin
  | ChainRulesPlugin
  | TransportPlugin
  | EndpointPlugin
  | SnapshotTransportPlugin
  | SignaturePlugin;
