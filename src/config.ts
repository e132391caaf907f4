import type {
  ChainRulesPlugin,
  CodecPlugin,
  HttpFetch,
  Peer,
  Plugin,
  SnapshotType,
  StateTransition,
  StoragePlugin,
  TransportLimits,
  TrustOptions,
} from './contracts/index.js';
import { DEFAULT_RETRY, type RetryOptions } from './engine/backoff.js';
import { checkFinality, type Finality } from './chain/finality.js';
import type { SyncMode } from './engine/modes.js';
import { type TrustConfig, trustOptions } from './engine/snapshot/trust-options.js';
import { DEFAULT_ENGINE_LIMITS, type EngineLimits, type EngineSettings } from './engine/engine-parts.js';

/** The embedded LevelDB store. */
export interface LevelStorageConfig {
  readonly use: 'leveldb';
  /** Directory of the store; made when it is missing. */
  readonly location: string;
  /** Whether a missing store is made. Default true; false gives `STORE_NOT_FOUND`. */
  readonly createIfMissing?: boolean;
}

/** A store that is gone with the process. */
export interface MemoryStorageConfig {
  readonly use: 'memory';
}

/** Where blocks are kept: a built-in store by name, or a plugin. */
export type StorageConfig = LevelStorageConfig | MemoryStorageConfig | StoragePlugin;

/** A server to sync from, with what to send it. */
export interface PeerConfig {
  /** Where the router is mounted; an address without a path means `/sync` there. */
  readonly url: string;
  /** Headers of every request to it. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a store of blocks is opened with. */
export interface ChainConfig {
  readonly storage: StorageConfig;
  /**
   * Chain rules: a name (`sealed-json`, `ethereum`, `linked:HEIGHT,HASH,PARENT`) or a plugin. Default `null`: those the
   * store was made with; in an empty store `sealed-json`, or what the peer announces when those rules prove hashes.
   */
  readonly chain?: string | ChainRulesPlugin | null;
  /** The chain's name. Default `null`: the store's, the peer's, or the hash of the first block. */
  readonly chainId?: string | null;
  /** Height of the first block of an empty store. Default 0. */
  readonly base?: number;
  /** Codecs to take blocks in, by name or as plugins, best first. Default `['gzip', 'identity']`. */
  readonly codecs?: readonly (string | CodecPlugin)[];
  /**
   * Codec that blocks are stored in when they come without an encoding. Default `gzip`, and none for blocks of less than
   * 2 KiB: one by one they hardly become smaller, and a stream of them is compressed as a whole.
   */
  readonly storeCodec?: string;
  /**
   * What blocks do to the accounts and contracts; it has to be there from the first block of a store on, and whenever
   * blocks are added. Default `null`: no state.
   */
  readonly stateTransition?: StateTransition | null;
  /**
   * Which blocks can't be rolled back: `{depth: N}` those N and more below the head, a function those up to the height
   * that it returns for a new head. What is final stays so. Default `null`: none, save those that came in a snapshot.
   */
  readonly finality?: Finality | null;
  /** Further plugins; those that are passed win over built-in ones of the same name. */
  readonly plugins?: readonly Plugin[];
  /** Bounds; each has a default. */
  readonly limits?: Partial<EngineLimits>;
}

/** How snapshots are taken. */
export interface SnapshotConfig {
  /** Default `recent`: the newest blocks and the state. */
  readonly type?: SnapshotType;
  /**
   * Directory for the parts of a snapshot until it is imported, so that an interrupted download goes on; `null` keeps
   * none. Default: `downloads` in the store's directory.
   */
  readonly directory?: string | null;
  /** With `auto`, an empty node that is fewer blocks behind than this syncs them instead. Default 1,000. */
  readonly minBlocks?: number;
}

/** What a `SyncEngine` is made of. */
export interface SyncEngineConfig extends Omit<ChainConfig, 'limits'> {
  /** Servers to sync from, at least one; the first is asked first. */
  readonly peers: readonly (string | PeerConfig)[];
  /**
   * How to sync. `auto` takes a snapshot when the store is empty, far behind and `trust` is set, and else the stream,
   * in turns with ranges when one of them fails. Default `auto`.
   */
  readonly mode?: SyncMode | 'auto';
  /** Whose snapshots are taken. Default `null`: none are. */
  readonly trust?: TrustConfig | null;
  /** How snapshots are taken. */
  readonly snapshot?: SnapshotConfig;
  /** Last height wanted. Default `null`: all. */
  readonly to?: number | null;
  /**
   * Whether to go on with new blocks as the peer gets them, once its head is reached, until the engine is closed. Needs
   * the stream, so it doesn't go with the mode `json`. Default false.
   */
  readonly follow?: boolean;
  /**
   * How many peers have to be on one chain before blocks are taken from one of them and before the node counts as
   * `synced`. 1 to the number of peers, default 1.
   */
  readonly agree?: number;
  /**
   * Age of the newest block above which the node is not `synced` and a `stale` event tells so, in milliseconds. The age
   * is that of the header's time, and of its arrival where the chain has no times. Default `null`: no such alarm.
   */
  readonly staleAfterMs?: number | null;
  /** How often the heads of several peers are compared while following, in milliseconds. Default 15,000. */
  readonly headCheckMs?: number;
  /**
   * HTTP client. Default `null`: the engine's own, for HTTP/1.1. A host's `fetch` brings proxies, mutual TLS or HTTP/2.
   */
  readonly fetch?: HttpFetch | null;
  /** When and how often to try again. An engine that follows tries for ever unless `maxAttempts` is given. */
  readonly retry?: Partial<RetryOptions>;
  /** Bounds; each has a default. */
  readonly limits?: Partial<EngineLimits & Omit<TransportLimits, 'maxEventBytes'>>;
}

/** Defaults of {@link TransportLimits} (protocol section 4). */
const DEFAULT_TRANSPORT_LIMITS: Omit<TransportLimits, 'maxEventBytes'> = {
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 10_000,
  idleTimeoutMs: 45_000,
  progressTimeoutMs: 60_000,
};

/** What an event has beside a block: its other lines, or, where it is none, all of it. */
const EVENT_EXTRA_BYTES = 64 * 1024;

/** Largest event that a block can need: base64 makes it a third larger, and codecs make some bytes of what they can't shrink. */
export function eventBytesOf(maxBlockBytes: number): number {
  return Math.ceil(maxBlockBytes * 1.5) + EVENT_EXTRA_BYTES;
}

const DEFAULT_HEAD_CHECK_MS = 15_000;

/**
 * Completes and checks the settings of an engine.
 *
 * @throws TypeError for a value that can't be meant.
 */
export function engineSettings(config: SyncEngineConfig): EngineSettings {
  if (!Array.isArray(config.peers) || config.peers.length === 0)
    throw new TypeError('`peers` needs at least one URL.');
  return {
    ...chainSettings(config),
    peers: config.peers.map((peer: string | PeerConfig) => normalizePeer(peer)),
    mode: checkMode(config.mode ?? 'auto'),
    ...followSettings(config),
    trust: trustOf(config),
    snapshotType: checkType(config.snapshot?.type ?? 'recent'),
    minSnapshotBlocks: checkHeight('snapshot.minBlocks', config.snapshot?.minBlocks ?? 1_000),
    to: config.to === undefined || config.to === null ? null : checkHeight('to', config.to),
    retry: retryOf(config),
  };
}

/** Completes and checks what an engine and a chain have in common. @throws TypeError */
export function chainSettings(
  config: ChainConfig,
): Pick<EngineSettings, 'chain' | 'chainId' | 'base' | 'stateTransition' | 'finality' | 'limits'> {
  const { chain = null } = config;
  return {
    chain: typeof chain === 'object' && chain !== null ? chain.name : chain,
    chainId: config.chainId ?? null,
    base: checkHeight('base', config.base ?? 0),
    stateTransition: checkTransition(config.stateTransition ?? null),
    finality: checkFinality(config.finality ?? null),
    limits: engineLimits(config.limits ?? {}),
  };
}

/** The plugins that a configuration passes, wherever it passes them. */
export function passedPlugins(config: ChainConfig): readonly Plugin[] {
  const chain = typeof config.chain === 'object' && config.chain !== null ? [config.chain] : [];
  const codecs = (config.codecs ?? []).filter((codec) => typeof codec !== 'string');
  return [...(config.plugins ?? []), ...chain, ...codecs];
}

/** Completes the bounds of a transport. @throws TypeError */
export function transportLimits(limits: NonNullable<SyncEngineConfig['limits']>): TransportLimits {
  return positive({
    connectTimeoutMs: limits.connectTimeoutMs ?? DEFAULT_TRANSPORT_LIMITS.connectTimeoutMs,
    firstByteTimeoutMs: limits.firstByteTimeoutMs ?? DEFAULT_TRANSPORT_LIMITS.firstByteTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs ?? DEFAULT_TRANSPORT_LIMITS.idleTimeoutMs,
    progressTimeoutMs: limits.progressTimeoutMs ?? DEFAULT_TRANSPORT_LIMITS.progressTimeoutMs,
    maxEventBytes: eventBytesOf(limits.maxBlockBytes ?? DEFAULT_ENGINE_LIMITS.maxBlockBytes),
  });
}

function engineLimits(limits: Partial<EngineLimits>): EngineLimits {
  const { minBytesPerSecond = DEFAULT_ENGINE_LIMITS.minBytesPerSecond } = limits;
  if (!(minBytesPerSecond >= 0)) throw new TypeError('`minBytesPerSecond` must be a number, at least 0.');
  const bounds = positive({
    maxBlockBytes: limits.maxBlockBytes ?? DEFAULT_ENGINE_LIMITS.maxBlockBytes,
    maxBatchBlocks: limits.maxBatchBlocks ?? DEFAULT_ENGINE_LIMITS.maxBatchBlocks,
    maxPendingBytes: limits.maxPendingBytes ?? DEFAULT_ENGINE_LIMITS.maxPendingBytes,
  });
  return { ...bounds, minBytesPerSecond };
}

function positive<T extends object>(values: T): T {
  for (const [name, value] of Object.entries(values) as [string, number][]) {
    if (!(value > 0)) throw new TypeError(`\`${name}\` must be a positive number, not ${String(value)}.`);
  }
  return values;
}

const MODES: readonly string[] = ['auto', 'stream', 'json', 'snapshot'];

function checkMode(mode: EngineSettings['mode']): EngineSettings['mode'] {
  if (MODES.includes(mode)) return mode;
  throw new TypeError(`\`mode\` is one of ${MODES.join(', ')}, not ${JSON.stringify(mode)}.`);
}

function checkFollow({ follow = false, mode }: SyncEngineConfig): boolean {
  if (follow && mode === 'json') throw new TypeError('`follow` needs the stream; the mode `json` has none.');
  return follow;
}

function followSettings(
  config: SyncEngineConfig,
): Pick<EngineSettings, 'follow' | 'agree' | 'staleAfterMs' | 'headCheckMs'> {
  const { staleAfterMs = null, headCheckMs = DEFAULT_HEAD_CHECK_MS } = config;
  return {
    follow: checkFollow(config),
    agree: checkAgree(config),
    staleAfterMs: staleAfterMs === null ? null : checkMs('staleAfterMs', staleAfterMs),
    headCheckMs: checkMs('headCheckMs', headCheckMs),
  };
}

function checkAgree({ agree = 1, peers }: SyncEngineConfig): number {
  if (Number.isInteger(agree) && agree >= 1 && agree <= peers.length) return agree;
  throw new TypeError(`\`agree\` must be an integer from 1 to the number of peers, not ${String(agree)}.`);
}

function checkMs(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 1) return value;
  throw new TypeError(`\`${name}\` must be a number of milliseconds, at least 1, not ${String(value)}.`);
}

function retryOf({ follow = false, retry }: SyncEngineConfig): RetryOptions {
  const { maxAttempts } = DEFAULT_RETRY;
  return { ...DEFAULT_RETRY, maxAttempts: follow ? Infinity : maxAttempts, ...retry };
}

function checkType(type: SnapshotType): SnapshotType {
  if ((['recent', 'full'] as readonly unknown[]).includes(type)) return type;
  throw new TypeError(`\`snapshot.type\` is recent or full, not ${JSON.stringify(type)}.`);
}

function trustOf({ trust = null, mode }: SyncEngineConfig): TrustOptions | null {
  if (trust !== null) return trustOptions(trust);
  if (mode !== 'snapshot') return null;
  throw new TypeError('The mode `snapshot` needs `trust`: whose snapshots are taken.');
}

function checkHeight(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`\`${name}\` must be a height (an integer from 0 to 2^53−1), not ${String(value)}.`);
}

function checkTransition(transition: StateTransition | null): StateTransition | null {
  if (transition === null || typeof transition.apply === 'function') return transition;
  throw new TypeError('`stateTransition` must be an object with a method `apply`.');
}

/** Reads a peer's address. An address without a path means the router at `/sync`. @throws TypeError */
export function normalizePeer(peer: string | PeerConfig): Peer {
  const { url, headers = {} } = typeof peer === 'string' ? { url: peer } : peer;
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new TypeError(`A peer needs an http or https URL, not ${JSON.stringify(url)}.`);
  }
  if (parsed.search !== '' || parsed.hash !== '')
    throw new TypeError(`A peer's URL has no query or fragment: ${url}`);
  const path = parsed.pathname.replace(/\/+$/, '');
  return {
    url: `${parsed.origin}${path === '' ? '/sync' : path}`,
    headers: { ...credentials(parsed), ...headers },
  };
}

/** `fetch` refuses URLs with credentials; they become the header that they stand for (RFC 7617). */
function credentials(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${btoa(pair)}` };
}
