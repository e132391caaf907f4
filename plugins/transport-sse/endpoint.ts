import {
  PLUGIN_API_VERSION,
  type Codec,
  type Endpoint,
  type EndpointDeps,
  type EndpointHandleOptions,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
} from '../../src/contracts/index.js';
import { Feed } from './feed.js';
import { withHeartbeats } from './heartbeats.js';
import { readRequest } from './request.js';
import { checkStart, isFinished } from './start.js';

/** Registers the server half of the event stream: `GET /stream` (protocol section 2.2). */
export function sseEndpoint(): EndpointPlugin {
  const create = (deps: EndpointDeps): Endpoint => new SseEndpoint(deps);
  return { kind: 'endpoint', name: 'sse', apiVersion: PLUGIN_API_VERSION, create };
}

/** Protocol section 2.2; proxies must neither hold the stream back nor change it. */
const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

function servesBlocks({ supports }: Codec): boolean {
  return supports.encode && supports.blocks !== false;
}

class SseEndpoint implements Endpoint {
  readonly name = 'sse';
  readonly paths = ['/stream'];
  readonly streams = true;
  readonly codecs: { readonly stream: readonly string[] };
  readonly #deps: EndpointDeps;

  constructor(deps: EndpointDeps) {
    const { codecs } = deps;
    this.#deps = deps;
    this.codecs = { stream: codecs.ids.filter((id) => servesBlocks(codecs.get(id))) };
  }

  async handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse> {
    const plan = readRequest(request, this.codecs.stream);
    const { source } = this.#deps;
    if (isFinished(plan, source.tip().head)) return { status: 204, headers: {}, body: null };
    await checkStart(source, plan);
    if (request.method === 'HEAD') return { status: 200, headers: HEADERS, body: null };
    const feed = new Feed(this.#deps, plan, options);
    return { status: 200, headers: HEADERS, body: withHeartbeats(feed.run(), this.#deps.limits.heartbeatMs) };
  }
}
