import {
  PLUGIN_API_VERSION,
  type SnapshotItem,
  type SnapshotTransport,
  type SnapshotTransportDeps,
  type SnapshotTransportPlugin,
} from '../../../src/contracts/index.js';
import { throwIfAborted } from '../../../src/internal/abort.js';
import {
  duration,
  integer,
  readOptions,
  type SpecOf,
  withDefault,
} from '../../../src/internal/options/index.js';
import { readDocument } from './document/read.js';
import { Download, type DownloadSetup } from './download.js';
import { fetchManifest } from './fetch-manifest.js';
import { begunIn, removeDownloads } from './kept-directory.js';
import { MAX_PARTS } from '../manifest.js';
import { KeptParts } from './kept-parts.js';
import { SnapshotPlaces } from './places.js';
import { DEFAULT_MAX_PARTS } from './read-manifest.js';

/** Options of {@link snapshotTransport}. */
export interface SnapshotTransportOptions {
  /**
   * Requests for parts under way at once, over all peers, 1 to 32.
   *
   * @defaultValue 4
   */
  readonly connections?: number;
  /**
   * Most that is waited after a peer's first failure, in milliseconds, 1 to 30,000; doubles with each further one up to
   * 30 s.
   *
   * @defaultValue 1,000
   */
  readonly backoffMs?: number;
  /**
   * Most parts that a snapshot may have, at most 1,000,000. 100,000 are 90 GB of document.
   *
   * @defaultValue 100,000
   */
  readonly maxParts?: number;
}

/** Readers of the options. */
export const SNAPSHOT_TRANSPORT_OPTIONS = {
  connections: withDefault(integer({ min: 1, max: 32 }), 4),
  backoffMs: withDefault(duration({ max: 30_000 }), 1_000),
  maxParts: withDefault(integer({ min: 1, max: MAX_PARTS }), DEFAULT_MAX_PARTS),
} satisfies SpecOf<SnapshotTransportOptions>;

/**
 * Registers the snapshot transport `snapshot`: a manifest first, then its parts by ranges, from servers (protocol
 * sections 2.4, 2.5) and from files (2.6.1).
 *
 * @throws TypeError for a value out of bounds, and for an option that there isn't.
 */
export function snapshotTransport(options: SnapshotTransportOptions = {}): SnapshotTransportPlugin {
  const { connections, backoffMs, maxParts } = readOptions(
    'snapshotTransport',
    options,
    SNAPSHOT_TRANSPORT_OPTIONS,
  );
  return {
    kind: 'snapshot-transport',
    name: 'snapshot',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): SnapshotTransport => snapshotsOf(deps, { connections, backoffMs, maxParts }),
  };
}

function snapshotsOf(
  deps: SnapshotTransportDeps,
  { connections, backoffMs, maxParts }: Required<SnapshotTransportOptions>,
): SnapshotTransport {
  const places = new SnapshotPlaces();
  return {
    name: 'snapshot',
    manifest: (peer, { type, codecs, offered = null }, { signal, check = takeAny }) =>
      fetchManifest(deps, places, { peer, type, codecs, offered, maxParts, check }, signal),
    begun: begunIn,
    forget: (directory) => removeDownloads(directory),
    open: (request, { signal }) => openSnapshot({ deps, places, request, connections, backoffMs }, signal),
  };
}

function takeAny(): Promise<void> {
  return Promise.resolve();
}

async function* openSnapshot(
  setup: Omit<DownloadSetup, 'kept'>,
  signal: AbortSignal,
): AsyncGenerator<SnapshotItem, void, undefined> {
  throwIfAborted(signal);
  const { manifest, maxBlockBytes, directory } = setup.request;
  const kept = directory === null ? null : await KeptParts.open(directory, manifest);
  try {
    const download = new Download({ ...setup, kept });
    const maxDocumentBytes = manifest.rawSize;
    yield* readDocument(download.parts(signal), { manifest, maxBlockBytes, maxDocumentBytes });
  } finally {
    await kept?.close();
  }
}
