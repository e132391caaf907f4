import type {
  Peer,
  SnapshotClaims,
  SnapshotManifest,
  SnapshotSummary,
  SnapshotType,
  TransportDeps,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { BodyReader, chunksOf } from '../../../src/internal/http/body.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import { corrupt } from '../manifest-claims.js';
import type { SnapshotPlaces } from './places.js';
import { readManifest } from './read-manifest.js';

/** Which manifest is wanted of which peer. */
export interface ManifestRequest {
  readonly peer: Peer;
  readonly type: SnapshotType;
  /** Codecs that can be decoded here, best first. */
  readonly codecs: readonly string[];
  readonly maxParts: number;
  /** What the peer's status says of its snapshots; `null` where it was not asked. */
  readonly offered: readonly SnapshotSummary[] | null;
  /** As {@link SnapshotTransport.manifest} takes it. */
  readonly check: (claims: SnapshotClaims) => Promise<void>;
}

/**
 * Fetches the manifest of a peer's newest snapshot of a type, from wherever it has them. A peer whose status was not asked
 * for is asked as a server first; what has nothing there may have files.
 *
 * @returns `null` when the peer has no such snapshot.
 * @throws SyncError `PEER_*`, `CODEC_UNAVAILABLE`, `SNAPSHOT_CORRUPT`, `SNAPSHOT_BUILDING`, `ABORTED`
 */
export async function fetchManifest(
  deps: TransportDeps,
  places: SnapshotPlaces,
  request: ManifestRequest,
  signal: AbortSignal,
): Promise<SnapshotManifest | null> {
  const { peer, offered } = request;
  const file = offered === null ? null : offeredFile(offered, request);
  if (file !== null) return manifestFile(deps, places, request, file, signal);
  const manifest = await fromServer(deps, request, signal);
  if (manifest !== null) places.learn(peer, 'server');
  if (manifest !== null || offered !== null) return manifest;
  const status = await fetchStatus(deps, peer, signal);
  const found = offeredFile(status?.snapshots ?? [], request);
  return found === null ? null : manifestFile(deps, places, request, found, signal);
}

/** A snapshot that is in files. */
interface OfferedFile extends Pick<SnapshotSummary, 'id' | 'type'> {
  readonly codec: string;
  readonly manifest: string;
}

/** The newest one of the type that is in files, in the codec that is liked best; `null` when there is none. */
function offeredFile(
  offered: readonly SnapshotSummary[],
  { type, codecs }: Pick<ManifestRequest, 'type' | 'codecs'>,
): OfferedFile | null {
  const files = offered.flatMap(({ codec, manifest, ...about }) => {
    const isWanted = about.type === type && codec !== undefined && codecs.includes(codec);
    return isWanted && manifest !== undefined ? [{ ...about, codec, manifest }] : [];
  });
  const [best] = files.toSorted(
    (a, b) => b.height - a.height || codecs.indexOf(a.codec) - codecs.indexOf(b.codec),
  );
  return best ?? null;
}

/** The manifest that is in a file (protocol section 2.6.1). */
async function manifestFile(
  deps: TransportDeps,
  places: SnapshotPlaces,
  request: ManifestRequest,
  { id, type, codec, manifest: path }: OfferedFile,
  signal: AbortSignal,
): Promise<SnapshotManifest | null> {
  const manifest = await fetchAt(deps, request, `/${path}`, { id, type, codec }, signal);
  if (manifest !== null) places.learn(request.peer, 'files');
  return manifest;
}

/**
 * The manifest that a server answers with (protocol section 2.5), in the first codec that it has one in: it may offer
 * several and have made one in some of them only.
 */
async function fromServer(
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
      const { type } = request;
      const query = new URLSearchParams({ type, codec });
      const target = `/snapshot/manifest?${query.toString()}`;
      const manifest = await fetchAt(deps, request, target, { type, codec }, signal);
      if (manifest !== null) return manifest;
      isMissing = true;
    } catch (error) {
      if (!isSyncError(error)) throw error;
      if (error.code !== 'CODEC_UNAVAILABLE') throw error;
      refusal = error;
    }
  }
  if (isMissing) return null;
  throw refusal.at({ peer: peer.url });
}

/** What a manifest has to say of itself. */
type Asked = Pick<SnapshotClaims, 'type' | 'codec'> & Partial<Pick<SnapshotClaims, 'id'>>;

async function fetchAt(
  deps: TransportDeps,
  { peer, maxParts, check }: ManifestRequest,
  target: string,
  asked: Asked,
  signal: AbortSignal,
): Promise<SnapshotManifest | null> {
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
        requireAsked(claims, asked);
        await check(claims);
      },
    });
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: peer.url }) : error;
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

function requireAsked(claims: SnapshotClaims, asked: Asked): void {
  for (const name of ['type', 'codec', 'id'] as const) {
    const wanted = asked[name];
    if (wanted === undefined || claims[name] === wanted) continue;
    throw corrupt(`its ${name} is ${claims[name]} where ${wanted} was asked for`);
  }
}
