import {
  PLUGIN_API_VERSION,
  type CachePolicy,
  type CodecRegistry,
  type Endpoint,
  type EndpointDeps,
  type EndpointDescription,
  type EndpointHandleOptions,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { SNAPSHOT_CODECS } from '../../../src/internal/codecs.js';
import { cacheControl } from '../../../src/internal/http/cache-control.js';
import { readOptions } from '../../../src/internal/options/index.js';
import { SNAPSHOT_OPTIONS, type SnapshotServerOptions, type SnapshotSettings } from './options.js';
import { readKind, readRoute, type Route } from './request.js';
import { answerBody, answerManifest, FRESHNESS } from './respond.js';
import { startSchedule } from './schedule.js';
import type { ArchivedSnapshot } from './shelved.js';
import { BUILD_RETRY_MS, building, SnapshotSupply } from './supply.js';

/** A request waits so long for a build that is under way, in milliseconds. */
const BUILD_WAIT_MS = 2_000;

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
  readonly #settings: SnapshotSettings;
  readonly #supply: SnapshotSupply;
  readonly #cache: CachePolicy;
  readonly #stopSchedule: () => Promise<void>;

  constructor({ source, codecs, workers, cache }: EndpointDeps, settings: SnapshotSettings) {
    const served = servedCodecs(codecs, settings.codecs);
    this.#cache = cache;
    this.#settings = settings;
    const supply = new SnapshotSupply({ source, workers, settings, codecs: served });
    this.#supply = supply;
    const kinds = settings.types.flatMap((type) => served.map((codec) => ({ type, codec })));
    this.#stopSchedule =
      source.view === undefined
        ? () => Promise.resolve()
        : startSchedule({ source, supply, kinds, settings });
    // The status document is to tell of the snapshots that are there. A failure is told to whoever asks for one.
    supply.archive().catch(() => undefined);
  }

  async handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse> {
    const route = readRoute(request.path);
    try {
      return await this.#answer(request, route, options);
    } catch (error) {
      throw isSyncError(error, 'ABORTED') ? busy('The server is closing.') : error;
    }
  }

  get codecs(): { readonly snapshot: readonly string[] } {
    return { snapshot: this.#supply.offer().codecs };
  }

  describe(): EndpointDescription {
    return { snapshots: this.#supply.summaries(), signers: [this.#settings.signer.publicKey] };
  }

  async close(): Promise<void> {
    await this.#stopSchedule();
    await this.#supply.close();
  }

  async #answer(
    request: EndpointRequest,
    route: Route,
    { signal, onHeights }: EndpointHandleOptions,
  ): Promise<EndpointResponse> {
    const newest = route.id === null;
    const snapshot = await (route.id === null ? this.#newest(request, signal) : this.#byId(route.id));
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
    onHeights?.(snapshot.manifest.base, snapshot.manifest.height);
    return { ...answer.head, body: reader.bytes(answer.range, signal) };
  }

  async #byId(id: string): Promise<ArchivedSnapshot> {
    const archive = await this.#supply.archive();
    const snapshot = await archive.find(id);
    if (snapshot === null) throw gone();
    return snapshot;
  }

  /** The newest snapshot. One that is being made is waited for a while; nobody's request begins a build. */
  async #newest({ query, method }: EndpointRequest, signal: AbortSignal): Promise<ArchivedSnapshot> {
    await this.#supply.archive();
    const kind = readKind(query, this.#supply.offer());
    const deadline = new AbortController();
    const expire = (): void => {
      deadline.abort(building());
    };
    const timer = setTimeout(expire, method === 'HEAD' ? 0 : BUILD_WAIT_MS);
    try {
      const { manifest } = await this.#supply.made(kind, AbortSignal.any([signal, deadline.signal]));
      return await this.#byId(manifest.id);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @throws SyncError `CODEC_UNAVAILABLE` */
function servedCodecs(
  codecs: CodecRegistry,
  listed: readonly string[] | null,
): readonly [string, ...string[]] {
  const names = listed ?? SNAPSHOT_CODECS;
  const [first, ...others] = names.filter((id) => codecs.has(id) && codecs.get(id).supports.encode);
  if (first !== undefined) return [first, ...(listed === null ? [] : others)];
  throw new SyncError(
    'CODEC_UNAVAILABLE',
    `Of the codecs for snapshots (${names.join(', ')}) none is registered; there are ${codecs.ids.join(', ')}.`,
  );
}

function gone(): SyncError {
  return new SyncError('SNAPSHOT_GONE', 'This snapshot is not here, or not any more.');
}

function busy(message: string): SyncError {
  return new SyncError('SERVER_BUSY', message, { retryAfterMs: BUILD_RETRY_MS });
}
