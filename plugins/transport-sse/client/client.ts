import {
  PLUGIN_API_VERSION,
  type StreamRequest,
  type Transport,
  type TransportDeps,
  type TransportPlugin,
  type WireItem,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { openExchange, type HttpExchange } from '../../../src/internal/http/exchange.js';
import { responseError } from '../../../src/internal/http/response-error.js';
import { askHolds } from '../../../src/internal/http/holds.js';
import { fetchStatus } from '../../../src/internal/http/status.js';
import { isEventStream, streamRequest } from './http.js';
import { leaseOf, Renewals } from './renewals.js';
import { type StreamName, StreamNames } from './stream-names.js';
import { StreamReader } from './stream-reader.js';

type Batches = AsyncGenerator<readonly WireItem[], void, undefined>;

/**
 * Registers the transport `sse`: blocks come as one long response of Server-Sent Events (protocol section 2.2).
 */
export function sseTransport(): TransportPlugin {
  return {
    kind: 'transport',
    name: 'sse',
    apiVersion: PLUGIN_API_VERSION,
    create: (deps): Transport => {
      const names = new StreamNames();
      return {
        name: 'sse',
        mode: 'stream',
        supports: { follow: true },
        status: (peer, { signal }) => fetchStatus(deps, peer, signal),
        holds: (peer, ref, { signal }) => askHolds(deps, peer, ref, signal),
        open: (request, { signal }) => openStream({ ...deps, names }, request, signal),
      };
    },
  };
}

type StreamDeps = TransportDeps & { readonly names: StreamNames };

async function* openStream(deps: StreamDeps, request: StreamRequest, signal: AbortSignal): Batches {
  const name = nameOf(request, deps.names);
  const { codec, ...asked } = streamRequest(request, name?.value ?? null);
  // Of what is followed the head comes at once, unless something on the way waits for its end.
  const due = { ms: deps.limits.muteTimeoutMs, code: 'STREAM_BUFFERED' } as const;
  const httpRequest = request.follow ? { ...asked, due } : asked;
  const exchange = await openExchange(deps, httpRequest, signal);
  let renewals: Renewals | null = null;
  try {
    // The server has nothing above what the client has (protocol section 2.2).
    if (exchange.response.status === 204) return;
    await checkHead(exchange, deps, request, signal);
    const { follow, peer } = request;
    const leaseMs = leaseOf(exchange.response.headers);
    if (name !== null && leaseMs !== null) renewals = new Renewals(deps, peer, name, leaseMs);
    const reader = new StreamReader(exchange, { limits: deps.limits, codec, follow });
    yield* reader.batches();
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: request.peer.url }) : error;
  } finally {
    renewals?.stop();
    exchange.close();
  }
}

/** Only a stream that is followed has a name: all others end by themselves. */
function nameOf({ follow, peer }: StreamRequest, names: StreamNames): StreamName | null {
  if (!follow) return null;
  const name = names.of(peer.url);
  return name.isUseless ? null : name;
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
