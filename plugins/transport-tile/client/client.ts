import {
  type BlockRange,
  PLUGIN_API_VERSION,
  type Peer,
  type PeerStatus,
  type PeerWithStatus,
  type StreamRequest,
  type Transport,
  type TransportDeps,
  type TransportPlugin,
  type WireItem,
} from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import {
  duration,
  integer,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../../src/internal/options/index.js';
import { download, type DownloadOptions } from './download.js';
import { KeptTiles } from './kept-tiles.js';
import { sizeOfTiles } from './size.js';

/** Options of {@link tileTransport}. */
export interface TileTransportOptions {
  /**
   * Bytes that tiles on their way, and verified tiles that nobody has taken yet, have at most: documents, bodies and headers.
   * Documents count though they are not held, since a body that does not shrink is as long. A single tile may have more.
   *
   * @defaultValue 32 MiB
   */
  readonly maxHeldBytes?: number;
  /**
   * How long a peer may bring nothing of the tile that is to be delivered next, in milliseconds, before another peer is
   * asked for it as well, or the only peer over another connection. 1 to 600,000.
   *
   * @defaultValue 2,000
   */
  readonly hedgeAfterMs?: number;
}

const MIB = 1024 * 1024;

/** Readers of the options. */
export const TILE_OPTIONS = {
  maxHeldBytes: withDefault(integer({ what: 'a number of bytes', min: 1 }), 32 * MIB),
  hedgeAfterMs: withDefault(duration({ max: 600_000 }), 2_000),
} satisfies SpecOf<TileTransportOptions>;

/**
 * Registers the transport `tile`: history comes in tiles, several at once, from a sync server or a folder of files behind any
 * web server (protocol section 2.6).
 *
 * @throws TypeError for a value out of bounds, and for an option that there isn't.
 */
export function tileTransport(options: TileTransportOptions = {}): TransportPlugin {
  const { maxHeldBytes, hedgeAfterMs } = readOptions('tileTransport', options, TILE_OPTIONS);
  const bounds: DownloadOptions = { maxHeldBytes, hedgeAfterMs };
  return {
    kind: 'transport',
    name: 'tile',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): Transport => new TileTransport(deps, bounds),
  };
}

class TileTransport implements Transport {
  readonly name = 'tile';
  readonly mode = 'tiles';
  readonly supports = { follow: false };
  readonly #deps: TransportDeps;
  readonly #options: DownloadOptions;
  readonly #kept = new KeptTiles();
  /** What `status` has just read, for the `open` that follows it. */
  readonly #known = new WeakMap<Peer, { readonly status: PeerStatus | null }>();

  constructor(deps: TransportDeps, options: DownloadOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async status(peer: Peer, { signal }: { readonly signal: AbortSignal }): Promise<PeerStatus | null> {
    const status = await fetchStatus(this.#deps, peer, signal);
    this.#known.set(peer, { status });
    return status;
  }

  sizeOf(
    { peer }: PeerWithStatus,
    range: BlockRange,
    {
      signal,
      acceptCodecs = [],
    }: { readonly signal: AbortSignal; readonly acceptCodecs?: readonly string[] },
  ): Promise<number> {
    return sizeOfTiles(this.#deps, { peer, range, acceptCodecs }, signal);
  }

  close(): Promise<void> {
    this.#kept.put([]);
    return Promise.resolve();
  }

  async *open(
    request: StreamRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<readonly WireItem[], void, undefined> {
    const { peer, verifyTile: verify } = request;
    if (verify === undefined) throw new TypeError('Tiles are fetched with `verifyTile`.');
    const known = this.#known.get(peer) ?? { status: await fetchStatus(this.#deps, peer, signal) };
    this.#known.delete(peer);
    const tiles = known.status?.tiles ?? null;
    if (tiles === null)
      throw new SyncError('PEER_NOT_FOUND', `${peer.url} has no tiles.`, { peer: peer.url });
    const setup = { deps: this.#deps, options: this.#options, request, verify, tiles, kept: this.#kept };
    yield* download(setup, signal);
  }
}
