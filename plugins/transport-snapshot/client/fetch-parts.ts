import type { Peer, SnapshotManifest, SnapshotPart, TransportDeps } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { bodyPathOf, fileNumberOf, fileOf } from '../../../src/internal/snapshot-files.js';
import { fetchRun } from './fetch-run.js';
import type { SnapshotPlaces } from './places.js';

/** Parts that lie one behind the other. */
export interface PartsRequest {
  readonly peer: Peer;
  readonly manifest: Pick<SnapshotManifest, 'id' | 'size' | 'parts'>;
  /** At least one. */
  readonly parts: readonly SnapshotPart[];
}

/**
 * Fetches a run of parts from wherever a peer has them, and yields each once it has the hash that the manifest gives. A peer
 * of which nothing is known is asked as a server first: a folder of files answers that with 404.
 *
 * @throws SyncError as {@link fetchRun}
 */
export async function* fetchParts(
  deps: TransportDeps,
  places: SnapshotPlaces,
  request: PartsRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { peer } = request;
  if (places.of(peer) !== 'files') {
    try {
      yield* fromServer(deps, request, signal);
      places.learn(peer, 'server');
      return;
    } catch (error) {
      if (places.of(peer) === 'server' || !isSyncError(error, 'PEER_NOT_FOUND')) throw error;
    }
  }
  yield* fromFiles(deps, request, signal);
  places.learn(peer, 'files');
}

function fromServer(
  deps: TransportDeps,
  { peer, manifest, parts }: PartsRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const body = { target: `/snapshot/${manifest.id}`, offset: 0, size: manifest.size };
  return fetchRun(deps, { peer, body, parts }, signal);
}

async function* fromFiles(
  deps: TransportDeps,
  { peer, manifest, parts }: PartsRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const number of new Set(parts.map(fileNumberOf))) {
    const { offset, bytes } = fileOf(manifest.parts, number);
    const body = { target: `/${bodyPathOf(manifest.id, number)}`, offset, size: bytes };
    const own = parts.filter((part) => fileNumberOf(part) === number);
    yield* fetchRun(deps, { peer, body, parts: own }, signal);
  }
}
