import type {
  BlockRef,
  Peer,
  PeerStatus,
  StreamRequest,
  Transport,
  TransportDeps,
  WireItem,
} from '../contracts/index.js';
import { askHolds } from '../internal/http/holds.js';
import { fetchStatus } from '../internal/http/status.js';

type Signal = { readonly signal: AbortSignal };

/** The transport of ranges, which is loaded with the first one: they have their turn where a stream does not get through. */
export function lazyRanges(deps: TransportDeps): Transport {
  return new LazyRanges(deps);
}

class LazyRanges implements Transport {
  readonly name = 'json-range';
  readonly mode = 'json';
  readonly supports = { follow: true };
  readonly #deps: TransportDeps;
  #loaded: Promise<Transport> | null = null;

  constructor(deps: TransportDeps) {
    this.#deps = deps;
  }

  holds(peer: Peer, ref: BlockRef, { signal }: Signal): Promise<boolean> {
    return askHolds(this.#deps, peer, ref, signal);
  }

  status(peer: Peer, { signal }: Signal): Promise<PeerStatus | null> {
    return fetchStatus(this.#deps, peer, signal);
  }

  async *open(request: StreamRequest, options: Signal): AsyncGenerator<readonly WireItem[], void, undefined> {
    this.#loaded ??= this.#load();
    yield* (await this.#loaded).open(request, options);
  }

  async #load(): Promise<Transport> {
    const { jsonRangeTransport } = await import('../../plugins/transport-json-range/client/index.js');
    return jsonRangeTransport().create(this.#deps);
  }
}
