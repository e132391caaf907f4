import type {
  Peer,
  SnapshotClaims,
  SnapshotManifest,
  SnapshotType,
  TransportDeps,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { BodyReader, chunksOf } from '../../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import { corrupt } from '../manifest-claims.js';
import { readManifest } from './read-manifest.js';

/** Which manifest is wanted of which peer. */
export interface ManifestRequest {
  readonly peer: Peer;
  readonly type: SnapshotType;
  /** Codecs that can be decoded here, best first. */
  readonly codecs: readonly string[];
  readonly maxParts: number;
  /** As {@link SnapshotTransport.manifest} takes it. */
  readonly check: (claims: SnapshotClaims) => Promise<void>;
}

/**
 * Fetches the manifest of a peer's newest snapshot of a type (protocol section 2.5), in the first codec that the peer has
 * one in: it may offer several and have made one in some of them only.
 *
 * @returns `null` when the peer has no such snapshot.
 * @throws SyncError `PEER_*`, `CODEC_UNAVAILABLE`, `SNAPSHOT_CORRUPT`, `SNAPSHOT_BUILDING`, `ABORTED`
 */
export async function fetchManifest(
  deps: TransportDeps,
  request: ManifestRequest,
  signal: AbortSignal,
): Promise<SnapshotManifest | null> {
  const { peer } = request;
  let isMissing = false;
  let refusal = new SyncError(
    'CODEC_UNAVAILABLE',
    'There is no codec that a snapshot could be decoded with.',
  );
  for (const codec of request.codecs) {
    try {
      const manifest = await fetchIn(deps, request, codec, signal);
      if (manifest !== null) return manifest;
      isMissing = true;
    } catch (error) {
      if (!isSyncError(error)) throw error;
      if (error.code !== 'CODEC_UNAVAILABLE') throw error.at({ peer: peer.url });
      refusal = error;
    }
  }
  if (isMissing) return null;
  throw refusal.at({ peer: peer.url });
}

async function fetchIn(
  deps: TransportDeps,
  { peer, type, maxParts, check }: ManifestRequest,
  codec: string,
  signal: AbortSignal,
): Promise<SnapshotManifest | null> {
  const query = new URLSearchParams({ type, codec });
  const target = `/snapshot/manifest?${query.toString()}`;
  const exchange = await openExchange(
    deps,
    { peer, target, headers: { accept: 'application/json' } },
    signal,
  );
  try {
    const { status } = exchange.response;
    if (status === 404) return null;
    if (status !== 200) throw await responseError(exchange, { peer, limits: deps.limits, from: 0, signal });
    return await readManifest(chunksOf(bodyOf(exchange, deps)), {
      maxParts,
      check: async (claims) => {
        requireAsked(claims, { type, codec });
        await check(claims);
      },
    });
  } finally {
    exchange.close();
  }
}

function bodyOf(exchange: HttpExchange, { limits }: TransportDeps): BodyReader {
  return new BodyReader(exchange, {
    idleMs: limits.idleTimeoutMs,
    progressMs: limits.progressTimeoutMs,
    codes: { idle: 'PEER_TIMEOUT', progress: 'PEER_TIMEOUT', cut: 'STREAM_TRUNCATED' },
  });
}

function requireAsked(claims: SnapshotClaims, asked: Pick<SnapshotClaims, 'type' | 'codec'>): void {
  for (const name of ['type', 'codec'] as const) {
    if (claims[name] === asked[name]) continue;
    throw corrupt(`its ${name} is ${claims[name]} where ${asked[name]} was asked for`);
  }
}
