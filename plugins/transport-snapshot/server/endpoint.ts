import {
  PLUGIN_API_VERSION,
  type CachePolicy,
  type Endpoint,
  type EndpointDeps,
  type EndpointDescription,
  type EndpointHandleOptions,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { raceAbort } from '../../../src/internal/abort.js';
import { cacheControl } from '../../../src/internal/http/cache-control.js';
import { readOptions } from '../../../src/internal/options/index.js';
import { BUILD_RETRY_MS, building } from './build-queue.js';
import { SNAPSHOT_OPTIONS, type SnapshotServerOptions, type SnapshotSettings } from './options.js';
import { readKind, readRoute, type Route } from './request.js';
import { answerBody, answerManifest, FRESHNESS } from './respond.js';
import { startSchedule } from './schedule.js';
import type { ArchivedSnapshot } from './shelved.js';
import { SnapshotSupply } from './supply.js';

/** A request for a manifest waits so long for a build, in milliseconds. */
const MANIFEST_WAIT_MS = 2_000;

/**
 * Registers the server half of the snapshot transport (protocol sections 2.4 and 2.5).
 *
 * @throws TypeError for an option that is missing, unknown or out of bounds
 */
export function snapshotEndpoint(options: SnapshotServerOptions): EndpointPlugin {
  return snapshotEndpointOf(readOptions('snapshotEndpoint', options, SNAPSHOT_OPTIONS));
}

/** The same of options that are checked. */
export function snapshotEndpointOf(settings: SnapshotSettings): EndpointPlugin {
  const create = (deps: EndpointDeps): Endpoint => new SnapshotEndpoint(deps, settings);
  return { kind: 'endpoint', name: 'snapshot', apiVersion: PLUGIN_API_VERSION, create };
}

class SnapshotEndpoint implements Endpoint {
  readonly name = 'snapshot';
  readonly paths = ['/snapshot', '/snapshot/manifest'];
  readonly prefixes = ['/snapshot/'];
  readonly streams = false;
  readonly codecs: { readonly snapshot: readonly string[] };
  readonly #settings: SnapshotSettings;
  readonly #supply: SnapshotSupply;
  readonly #cache: CachePolicy;
  readonly #stopSchedule: () => Promise<void>;

  constructor({ source, codecs, workers, cache }: EndpointDeps, settings: SnapshotSettings) {
    const served = settings.codecs.filter((id) => codecs.has(id) && codecs.get(id).supports.encode);
    const [codec] = served;
    if (codec === undefined)
      throw new SyncError(
        'CODEC_UNAVAILABLE',
        `Of the codecs for snapshots (${settings.codecs.join(', ')}) none is registered; there are ${codecs.ids.join(', ')}.`,
      );
    this.codecs = { snapshot: served };
    this.#settings = { ...settings, codecs: served };
    this.#cache = cache;
    const { types, every } = settings;
    const supply = new SnapshotSupply({ source, workers, settings: this.#settings });
    this.#supply = supply;
    this.#stopSchedule =
      every === null ? () => Promise.resolve() : startSchedule({ source, supply, types, codec, every });
    // The status document is to tell of the snapshots that are there. A failure is told to whoever asks for one.
    supply.archive().catch(() => undefined);
  }

  async handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse> {
    const route = readRoute(request.path);
    try {
      return await this.#answer(request, route, options.signal);
    } catch (error) {
      throw isSyncError(error, 'ABORTED') ? busy('The server is closing.') : error;
    }
  }

  describe(): EndpointDescription {
    return { snapshots: this.#supply.summaries(), signers: [this.#settings.signer.publicKey] };
  }

  async close(): Promise<void> {
    const stopped = this.#stopSchedule();
    await this.#supply.close();
    await stopped;
  }

  async #answer(request: EndpointRequest, route: Route, signal: AbortSignal): Promise<EndpointResponse> {
    const newest = route.id === null;
    const snapshot = await (route.id === null
      ? this.#newest(request, route.what, signal)
      : this.#byId(route.id));
    if (route.what === 'manifest') {
      const freshness = newest ? FRESHNESS.newestManifest : FRESHNESS.manifest;
      return answerManifest(request, snapshot.manifest, cacheControl(this.#cache, freshness));
    }
    const freshness = newest ? FRESHNESS.newestBody : FRESHNESS.body;
    const answer = answerBody(request, snapshot, cacheControl(this.#cache, freshness));
    if (answer.kind === 'answer') return answer.response;
    const archive = await this.#supply.archive();
    const reader = await archive.read(snapshot.manifest.id);
    if (reader === null) throw gone();
    return { ...answer.head, body: reader.bytes(answer.range, signal) };
  }

  async #byId(id: string): Promise<ArchivedSnapshot> {
    const archive = await this.#supply.archive();
    const snapshot = await archive.find(id);
    if (snapshot === null) throw gone();
    return snapshot;
  }

  /** The newest snapshot; the first one is made while the client waits. */
  async #newest(
    { query }: EndpointRequest,
    what: Route['what'],
    signal: AbortSignal,
  ): Promise<ArchivedSnapshot> {
    const kind = readKind(query, this.#settings);
    const current = await this.#supply.current(kind);
    if (current !== null) return what === 'body' ? current : this.#byId(current.manifest.id);
    const build = this.#supply.build(kind);
    return what === 'body' ? raceAbort(build, signal) : raceAbort(inTime(build), signal);
  }
}

/** What was built when that is soon. @throws SyncError `SNAPSHOT_BUILDING` when it is not */
async function inTime(build: Promise<ArchivedSnapshot>): Promise<ArchivedSnapshot> {
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(building('The snapshot is being made.'));
  }, MANIFEST_WAIT_MS);
  try {
    return await raceAbort(build, deadline.signal);
  } finally {
    clearTimeout(timer);
  }
}

function gone(): SyncError {
  return new SyncError('SNAPSHOT_GONE', 'This snapshot is not here, or not any more.');
}

function busy(message: string): SyncError {
  return new SyncError('SERVER_BUSY', message, { retryAfterMs: BUILD_RETRY_MS });
}
