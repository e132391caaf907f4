import {
  PLUGIN_API_VERSION,
  type SnapshotItem,
  type SnapshotTransport,
  type SnapshotTransportPlugin,
} from '../../../src/contracts/index.js';
import { throwIfAborted } from '../../../src/internal/abort.js';
import { readDocument } from './document/read.js';
import { Download, type DownloadSetup } from './download.js';
import { fetchManifest } from './fetch-manifest.js';
import { begunIn, removeDownloads } from './kept-directory.js';
import { MAX_PARTS } from '../manifest.js';
import { KeptParts } from './kept-parts.js';
import { DEFAULT_MAX_PARTS } from './read-manifest.js';

/** Options of {@link snapshotTransport}. */
export interface SnapshotTransportOptions {
  /** Requests for parts under way at once, over all peers. Default 4, at most 32. */
  readonly connections?: number;
  /**
   * Most that is waited after a peer's first failure, in milliseconds; doubles with each further one up to 30 s. Default
   * 1000, at most 30,000.
   */
  readonly backoffMs?: number;
  /** Most parts that a snapshot may have. Default 100,000, which are 90 GB of document; at most 1,000,000. */
  readonly maxParts?: number;
}

const DEFAULT_CONNECTIONS = 4;
const MAX_CONNECTIONS = 32;
const DEFAULT_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;

/**
 * Registers the snapshot transport `snapshot`: a manifest first, then its parts by ranges (protocol sections 2.4, 2.5).
 *
 * @throws TypeError for an option that is not an integer within its bounds
 */
export function snapshotTransport(options: SnapshotTransportOptions = {}): SnapshotTransportPlugin {
  const {
    connections = DEFAULT_CONNECTIONS,
    backoffMs = DEFAULT_BACKOFF_MS,
    maxParts = DEFAULT_MAX_PARTS,
  } = options;
  requireInteger('connections', connections, MAX_CONNECTIONS);
  requireInteger('backoffMs', backoffMs, MAX_BACKOFF_MS);
  requireInteger('maxParts', maxParts, MAX_PARTS);
  return {
    kind: 'snapshot-transport',
    name: 'snapshot',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): SnapshotTransport => ({
      name: 'snapshot',
      manifest: (peer, want, { signal, check = takeAny }) =>
        fetchManifest(deps, { peer, ...want, maxParts, check }, signal),
      begun: begunIn,
      forget: (directory) => removeDownloads(directory),
      open: (request, { signal }) => openSnapshot({ deps, request, connections, backoffMs }, signal),
    }),
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

function requireInteger(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new TypeError(`snapshot: ${name} must be an integer from 1 to ${most}, not ${String(value)}.`);
}
