import {
  type Endpoint,
  type EndpointDeps,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
  PLUGIN_API_VERSION,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { checkOnChain } from './ancestors.js';
import { streamBody } from './body.js';
import { clientHead, readParameters, type StreamParameters } from './parameters.js';

const HEADERS = {
  'content-type': 'text/event-stream',
  // `no-transform` keeps compressing middleware and proxies from holding events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The server half of the event stream (protocol section 2.2). */
export function sseEndpoint(): EndpointPlugin {
  return {
    kind: 'endpoint',
    name: 'sse',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps) => new SseEndpoint(deps),
  };
}

class SseEndpoint implements Endpoint {
  readonly name = 'sse';
  readonly paths = ['/stream'];
  readonly streams = true;
  readonly codecs: { readonly stream: readonly string[] };
  readonly #deps: EndpointDeps;

  constructor(deps: EndpointDeps) {
    this.#deps = deps;
    this.codecs = { stream: deps.codecs.ids.filter((id) => deps.codecs.get(id).supports.encode) };
  }

  async handle(
    request: EndpointRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<EndpointResponse> {
    const { source, codecs } = this.#deps;
    const parameters = readParameters(request, codecs);
    if (this.#isFinished(parameters))
      return { status: 204, headers: { 'cache-control': 'no-store' }, body: null };
    this.#checkBase(parameters);
    const client = clientHead(parameters);
    if (client !== null) await checkOnChain(source, client);
    const body = request.method === 'HEAD' ? null : streamBody(this.#deps, parameters, options.signal);
    return { status: 200, headers: HEADERS, body };
  }

  /** 204 is the only answer that stops an `EventSource`; anything else it would ask for again for ever. */
  #isFinished({ follow, lastEventId, to }: StreamParameters): boolean {
    if (lastEventId === null || follow) return false;
    const { head } = this.#deps.source.tip();
    return lastEventId >= Math.min(head?.height ?? -1, to ?? Infinity);
  }

  #checkBase({ from }: StreamParameters): void {
    const { base, head } = this.#deps.source.tip();
    if (head === null || from >= base) return;
    throw new SyncError('BELOW_BASE', `The oldest block here is ${base}.`, { base });
  }
}
