import {
  PLUGIN_API_VERSION,
  type BlockRef,
  type Peer,
  type PeerStatus,
  type StreamRequest,
  type Transport,
  type TransportDeps,
  type TransportPlugin,
  type WireItem,
} from '../../../src/contracts/index.js';
import { askHolds } from '../../../src/internal/http/holds.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import {
  duration,
  integer,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../../src/internal/options/index.js';
import { download, type DownloadOptions } from './download.js';

/** Options of {@link jsonRangeTransport}. */
export interface JsonRangeTransportOptions {
  /**
   * Bytes of documents that one range should have; its number of blocks follows from it.
   *
   * @defaultValue 4 MiB
   */
  readonly targetRangeBytes?: number;
  /**
   * Blocks of the first range, before anything is known of their size, 1 to 10,000.
   *
   * @defaultValue 16
   */
  readonly firstRangeBlocks?: number;
  /**
   * How long a request may bring nothing, in milliseconds, before the same is asked for once more, on another connection
   * (over HTTP/2, on another stream of the same one); the one counts that brings a whole block first. Twice as long after
   * each time that this was for nothing. 1 to 600,000.
   *
   * @defaultValue 2,000
   */
  readonly hedgeAfterMs?: number;
}

const MIB = 1024 * 1024;
const byteCount = integer({ what: 'a number of bytes', min: 1 });

/** Readers of the options. */
export const JSON_RANGE_OPTIONS = {
  targetRangeBytes: withDefault(byteCount, 4 * MIB),
  firstRangeBlocks: withDefault(integer({ min: 1, max: 10_000 }), 16),
  hedgeAfterMs: withDefault(duration({ max: 600_000 }), 2_000),
} satisfies SpecOf<JsonRangeTransportOptions>;

/**
 * Registers the transport `json-range`: blocks come as bounded ranges, one after the other (protocol section 2.3). New
 * blocks are waited for by long poll; a peer that answers at once is asked once a second. It also takes a plain web server's one file with an array of all blocks; where such a file begins is seen only when the
 * request has `describe`.
 *
 * @throws TypeError for a value out of bounds, and for an option that there isn't.
 */
export function jsonRangeTransport(options: JsonRangeTransportOptions = {}): TransportPlugin {
  const settings = readOptions('jsonRangeTransport', options, JSON_RANGE_OPTIONS);
  const { targetRangeBytes: targetBytes, firstRangeBlocks: firstBlocks, hedgeAfterMs } = settings;
  const bounds: DownloadOptions = { targetBytes, firstBlocks, hedgeAfterMs };
  return {
    kind: 'transport',
    name: 'json-range',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): Transport => new JsonRangeTransport(deps, bounds),
  };
}

class JsonRangeTransport implements Transport {
  readonly name = 'json-range';
  readonly mode = 'json';
  readonly supports = { follow: true };
  readonly #deps: TransportDeps;
  readonly #bounds: DownloadOptions;
  /** What `status` has just read, for the `open` that follows it. */
  readonly #known = new WeakMap<Peer, { readonly status: PeerStatus | null }>();

  constructor(deps: TransportDeps, bounds: DownloadOptions) {
    this.#deps = deps;
    this.#bounds = bounds;
  }

  holds(peer: Peer, ref: BlockRef, { signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    return askHolds(this.#deps, peer, ref, signal);
  }

  async status(peer: Peer, { signal }: { readonly signal: AbortSignal }): Promise<PeerStatus | null> {
    const status = await fetchStatus(this.#deps, peer, signal);
    this.#known.set(peer, { status });
    return status;
  }

  async *open(
    request: StreamRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<readonly WireItem[], void, undefined> {
    const { peer } = request;
    const known = this.#known.get(peer) ?? { status: await fetchStatus(this.#deps, peer, signal) };
    this.#known.delete(peer);
    yield* download(this.#deps, this.#bounds, request, known.status, signal);
  }
}
