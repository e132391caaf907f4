import type {
  BlockRef,
  BlockSource,
  CachePolicy,
  Endpoint,
  EndpointResponse,
  PeerTiles,
  ServerLimits,
} from '../contracts/index.js';
import { cacheControl } from '../internal/http/cache-control.js';

const PROTOCOL_VERSION = 1;

/** The status document of protocol section 2.1: absence is `null`, never a missing member. */
export function statusDocument(
  source: BlockSource,
  endpoints: readonly Endpoint[],
  limits: ServerLimits,
): object {
  const { maxRange, maxBlockBytes, maxStreams, maxStreamsPerAddress } = limits;
  const { heartbeatMs, streamLeaseMs, maxWaitMs } = limits;
  const bounds = { maxRange, maxBlockBytes, maxStreams, maxStreamsPerAddress };
  return {
    ...chainMembers(source),
    codecs: {
      stream: codecsOf(endpoints, 'stream'),
      json: codecsOf(endpoints, 'json'),
      snapshot: codecsOf(endpoints, 'snapshot'),
      frames: codecsOf(endpoints, 'frames'),
    },
    storedAs: source.storedAs?.() ?? null,
    tiles: tilesOf(endpoints),
    limits: { ...bounds, heartbeatMs, streamLeaseMs, maxWaitMs },
    snapshots: endpoints.flatMap((endpoint) => endpoint.describe?.().snapshots ?? []),
    signers: [...new Set(endpoints.flatMap((endpoint) => endpoint.describe?.().signers ?? []))],
  };
}

/** What a status document says of a chain. */
export function chainMembers(
  source: Pick<BlockSource, 'chain' | 'proves' | 'authorship' | 'chainId' | 'tip'>,
): object {
  const { base, head, confirmed, finalized } = source.tip();
  return {
    protocol: PROTOCOL_VERSION,
    chain: source.chain,
    proves: source.proves ?? null,
    authorship: source.authorship ?? null,
    chainId: source.chainId(),
    base,
    head: refOf(head),
    confirmed: refOf(confirmed),
    finalized: refOf(finalized),
  };
}

/** Answers `GET /status`. */
export function statusResponse(document: object, cache: CachePolicy): EndpointResponse {
  const body = Buffer.from(JSON.stringify(document));
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'cache-control': cacheControl(cache, { maxAgeSeconds: null }),
  };
  return { status: 200, headers, body };
}

/** A source may hand out more than the reference, and one of a host's may not know what is confirmed. */
function refOf(ref: BlockRef | null | undefined): BlockRef | null {
  return ref === null || ref === undefined ? null : { height: ref.height, hash: ref.hash };
}

function tilesOf(endpoints: readonly Endpoint[]): PeerTiles | null {
  for (const endpoint of endpoints) {
    const { tiles = null } = endpoint.describe?.() ?? {};
    if (tiles !== null) return tiles;
  }
  return null;
}

function codecsOf(endpoints: readonly Endpoint[], key: keyof Endpoint['codecs']): readonly string[] {
  return [...new Set(endpoints.flatMap(({ codecs }) => codecs[key] ?? []))];
}
