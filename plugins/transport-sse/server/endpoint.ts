import {
  PLUGIN_API_VERSION,
  type Codec,
  type Endpoint,
  type EndpointDeps,
  type EndpointHandleOptions,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
  type StreamName,
} from '../../../src/contracts/index.js';
import { cacheControl } from '../../../src/internal/http/cache-control.js';
import { chooseEncoding, GZIP, IDENTITY } from '../../../src/internal/http/content-encoding.js';
import { integer, readOptions, type SpecOf, withDefault } from '../../../src/internal/options/index.js';
import { DeflateParts } from './deflate-parts.js';
import { Feed } from './feed.js';
import { gzipBody } from './gzip-body.js';
import { SharedTimeout, withHeartbeats } from './heartbeats.js';
import { Hub } from './hub.js';
import { readName, readRequest } from './request.js';
import { checkStart, isFinished } from './start.js';

/** Options of {@link sseEndpoint}. */
export interface SseEndpointOptions {
  /**
   * Bound on the newest blocks that are kept ready for all streams of one codec, in bytes. Streams further back read
   * the source. 0 keeps none.
   *
   * @defaultValue 16 MiB
   */
  readonly recentBytes?: number;
}

const byteCount = integer({ what: 'a number of bytes' });

/** Readers of the options. */
export const SSE_ENDPOINT_OPTIONS = {
  recentBytes: withDefault(byteCount, 16 * 1024 * 1024),
} satisfies SpecOf<SseEndpointOptions>;

/**
 * Registers the server half of the event stream: `GET /stream` (protocol section 2.2). Streams of the codec `identity`
 * are compressed with gzip for clients whose `Accept-Encoding` prefers that.
 *
 * @throws TypeError for an option that isn't one, and for one out of bounds
 */
export function sseEndpoint(options: SseEndpointOptions = {}): EndpointPlugin {
  const { recentBytes } = readOptions('sseEndpoint', options, SSE_ENDPOINT_OPTIONS);
  const create = (deps: EndpointDeps): Endpoint => new SseEndpoint(deps, recentBytes);
  return { kind: 'endpoint', name: 'sse', apiVersion: PLUGIN_API_VERSION, create };
}

/** Protocol section 2.2; proxies must neither hold the stream back nor change it. */
const HEADERS = {
  'content-type': 'text/event-stream',
  'x-accel-buffering': 'no',
};

/** Blocks that are sent as they are may be compressed on the way (protocol section 2.2); all others are already. */
const VARY = { vary: 'Accept-Encoding' };
const GZIPPED = { 'content-encoding': GZIP };

function acceptsGzip(request: EndpointRequest): boolean {
  return chooseEncoding(request.header('accept-encoding'), [GZIP]) === GZIP;
}

function servesBlocks({ supports }: Codec): boolean {
  return supports.encode && supports.blocks !== false;
}

class SseEndpoint implements Endpoint {
  readonly name = 'sse';
  readonly paths = ['/stream'];
  readonly streams = true;
  readonly codecs: { readonly stream: readonly string[] };
  readonly #deps: EndpointDeps;
  readonly #hub: Hub;
  readonly #silence: SharedTimeout;
  readonly #parts = new DeflateParts();
  readonly #headers: Readonly<Record<string, string>>;

  constructor(deps: EndpointDeps, recentBytes: number) {
    const { codecs, limits, cache } = deps;
    this.#headers = {
      ...HEADERS,
      'cache-control': cacheControl(cache, { maxAgeSeconds: null, isExact: true }),
    };
    this.#hub = new Hub(deps, recentBytes);
    this.#silence = new SharedTimeout(limits.heartbeatMs);
    this.#deps = deps;
    this.codecs = { stream: codecs.ids.filter((id) => servesBlocks(codecs.get(id))) };
  }

  streamName(request: EndpointRequest): StreamName | null {
    return readName(request);
  }

  async handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse> {
    const plan = readRequest(request, this.codecs.stream);
    const { source } = this.#deps;
    if (isFinished(plan, source.tip().head)) return { status: 204, headers: {}, body: null };
    await checkStart(source, plan);
    const isGzip = plan.codec === IDENTITY && acceptsGzip(request);
    const headers = {
      ...this.#headers,
      ...(plan.codec === IDENTITY ? VARY : {}),
      ...(isGzip ? GZIPPED : {}),
    };
    if (request.method === 'HEAD') return { status: 200, headers, body: null };
    const feed = new Feed(this.#deps, this.#hub, plan, options);
    const body = withHeartbeats(feed, this.#silence, plan.follow);
    return { status: 200, headers, body: isGzip ? gzipBody(body, this.#parts, options.signal) : body };
  }
}
