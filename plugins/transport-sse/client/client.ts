import {
  PLUGIN_API_VERSION,
  type StreamRequest,
  type Transport,
  type TransportDeps,
  type TransportPlugin,
  type WireItem,
} from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import { integer, readOptions, type SpecOf, withDefault } from '../../../src/internal/options/index.js';
import { isEventStream, streamRequest } from './http.js';
import { StreamReader } from './stream-reader.js';

/** Options of {@link sseTransport}. */
export interface SseTransportOptions {
  /**
   * Largest event once the head was reached and new blocks come as they are made, in bytes as sent; `maxEventBytes`
   * holds too.
   *
   * @defaultValue 16 MiB
   */
  readonly maxLiveEventBytes?: number;
}

/** Readers of the options. */
export const SSE_OPTIONS = {
  maxLiveEventBytes: withDefault(integer({ what: 'a number of bytes', min: 1 }), 16 * 1024 * 1024),
} satisfies SpecOf<SseTransportOptions>;

type Batches = AsyncGenerator<readonly WireItem[], void, undefined>;

/**
 * Registers the transport `sse`: blocks come as one long response of Server-Sent Events (protocol section 2.2).
 *
 * @throws TypeError for a limit that is no number of bytes, and for an option that there isn't.
 */
export function sseTransport(options: SseTransportOptions = {}): TransportPlugin {
  const { maxLiveEventBytes } = readOptions('sseTransport', options, SSE_OPTIONS);
  return {
    kind: 'transport',
    name: 'sse',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): Transport => ({
      name: 'sse',
      mode: 'stream',
      supports: { follow: true },
      status: (peer, { signal }) => fetchStatus(deps, peer, signal),
      open: (request, { signal }) => openStream(deps, request, maxLiveEventBytes, signal),
    }),
  };
}

async function* openStream(
  deps: TransportDeps,
  request: StreamRequest,
  maxLiveEventBytes: number,
  signal: AbortSignal,
): Batches {
  const { codec, ...httpRequest } = streamRequest(request);
  const exchange = await openExchange(deps, httpRequest, signal);
  try {
    // The server has nothing above what the client has (protocol section 2.2).
    if (exchange.response.status === 204) return;
    await checkHead(exchange, deps, request, signal);
    const { follow } = request;
    const reader = new StreamReader(exchange, { limits: deps.limits, maxLiveEventBytes, codec, follow });
    yield* reader.batches();
  } catch (error) {
    throw error instanceof SyncError ? error.at({ peer: request.peer.url }) : error;
  } finally {
    exchange.close();
  }
}

async function checkHead(
  exchange: HttpExchange,
  { limits }: TransportDeps,
  { peer, from }: StreamRequest,
  signal: AbortSignal,
): Promise<void> {
  const { status, headers } = exchange.response;
  if (status !== 200) throw await responseError(exchange, { peer, limits, from, signal });
  const contentType = headers.get('content-type');
  if (isEventStream(contentType)) return;
  const text = `${peer.url} answered with ${contentType ?? 'no content type'} instead of an event stream.`;
  throw new SyncError('PEER_NOT_SYNC', text);
}
