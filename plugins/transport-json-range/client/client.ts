import {
  PLUGIN_API_VERSION,
  type Peer,
  type PeerStatus,
  type StreamRequest,
  type Transport,
  type TransportDeps,
  type TransportPlugin,
  type WireItem,
} from '../../../src/contracts/index.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import { download, type DownloadOptions } from './download.js';

/** Options of {@link jsonRangeTransport}. */
export interface JsonRangeTransportOptions {
  /** Ranges fetched at once, by all peers together; one for each peer where there are more. 1 to 16, default 4. */
  readonly parallel?: number;
  /** Bytes of documents that one range should have; its number of blocks follows from it. Default 4 MiB. */
  readonly targetRangeBytes?: number;
  /** Blocks of the first range, before anything is known of their size. 1 to 10,000, default 16. */
  readonly firstRangeBlocks?: number;
  /**
   * Bytes held of ranges that were fetched ahead. Beside that each request holds at most one network read, and the range
   * that is being delivered one document. Default 16 MiB.
   */
  readonly maxBufferedBytes?: number;
  /**
   * How long a peer may bring nothing of the range that is to be delivered next, in milliseconds, before another peer is
   * asked for it as well. 1 to 600,000, default 2,000.
   */
  readonly hedgeAfterMs?: number;
}

const MIB = 1024 * 1024;
const MAX_PARALLEL = 16;
const MAX_RANGE = 10_000;
const MAX_HEDGE_MS = 600_000;

/**
 * Registers the transport `json-range`: blocks come as JSON arrays of bounded ranges, several at once (protocol
 * section 2.3). It also takes a plain web server's one file with an array of all blocks; where such a file begins is
 * seen only when the request has `describe`.
 *
 * @throws TypeError for an option that is not an integer within its bounds
 */
export function jsonRangeTransport(options: JsonRangeTransportOptions = {}): TransportPlugin {
  const bounds: DownloadOptions = {
    parallel: bounded('parallel', options.parallel ?? 4, MAX_PARALLEL),
    targetBytes: bounded('targetRangeBytes', options.targetRangeBytes ?? 4 * MIB),
    firstBlocks: bounded('firstRangeBlocks', options.firstRangeBlocks ?? 16, MAX_RANGE),
    maxBufferedBytes: bounded('maxBufferedBytes', options.maxBufferedBytes ?? 16 * MIB),
    hedgeAfterMs: bounded('hedgeAfterMs', options.hedgeAfterMs ?? 2_000, MAX_HEDGE_MS),
  };
  return {
    kind: 'transport',
    name: 'json-range',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): Transport => new JsonRangeTransport(deps, bounds),
  };
}

function bounded(name: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new TypeError(`json-range: ${name} must be an integer from 1 to ${max}, not ${String(value)}.`);
}

class JsonRangeTransport implements Transport {
  readonly name = 'json-range';
  readonly mode = 'json';
  readonly supports = { follow: false };
  readonly #deps: TransportDeps;
  readonly #bounds: DownloadOptions;
  /** What `status` has just read, for the `open` that follows it. */
  readonly #known = new WeakMap<Peer, { readonly status: PeerStatus | null }>();

  constructor(deps: TransportDeps, bounds: DownloadOptions) {
    this.#deps = deps;
    this.#bounds = bounds;
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
