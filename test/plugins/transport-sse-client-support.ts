import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { sseTransport } from '../../plugins/transport-sse/client/client.js';
import { formatCompleteEvent } from '../../plugins/transport-sse/server/format.js';
import { formatBlockEvent } from '../helpers/block-event.js';
import type {
  Peer,
  StreamRequest,
  Transport,
  TransportDeps,
  TransportLimits,
  WireItem,
} from '../../src/contracts/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { isSyncError, type SyncError, type ErrorCode } from '../../src/errors/index.js';

export const testLimits: TransportLimits = {
  connectTimeoutMs: 30_000,
  firstByteTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  muteTimeoutMs: 30_000,
  progressTimeoutMs: 30_000,
  maxEventBytes: 1024 * 1024,
  maxBlockBytes: 512 * 1024,
};

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real server on this machine that is gone when the test ends. */
export async function serve(t: Pick<ExecutionContext, 'teardown'>, handler: Handler): Promise<Peer> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/sync`, headers: {} };
}

/** A handler that sends these bytes as an event stream and ends. */
export function stream(...chunks: (string | Uint8Array)[]): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks) response.write(chunk);
    response.end();
  };
}

export function transport(
  limits: Partial<TransportLimits> = {},
  fetch: TransportDeps['fetch'] = createHttp1Client({ ...testLimits, ...limits }).fetch,
): Transport {
  return sseTransport().create({ fetch, limits: { ...testLimits, ...limits } });
}

export function streamRequest(peer: Peer, more: Partial<StreamRequest> = {}): StreamRequest {
  return { peer, after: null, from: 0, to: null, acceptCodecs: ['gzip'], follow: false, ...more };
}

export const document = (height: number): Buffer => Buffer.from(`{"hash":"h${height}","height":${height}}`);

/** A `block` event with a gzip frame. */
export function block(height: number): Uint8Array {
  return formatBlockEvent({
    header: { height, hash: `h${height}`, previousHash: '', timestamp: null },
    codec: 'gzip',
    bytes: gzipSync(document(height)),
  });
}

export const complete = (height: number): Uint8Array => formatCompleteEvent({ height, hash: `h${height}` });

export interface Outcome {
  readonly items: WireItem[];
  readonly error: SyncError | null;
}

/** Reads a stream to its end or its error. */
export async function run(
  batches: AsyncIterable<readonly WireItem[]>,
  onBatch: (items: readonly WireItem[]) => unknown = () => undefined,
): Promise<Outcome> {
  const items: WireItem[] = [];
  try {
    for await (const batch of batches) {
      items.push(...batch);
      await onBatch(batch);
    }
    return { items, error: null };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { items, error };
  }
}

/** Opens a stream with the request's defaults and reads it to its end. */
export function fetchAll(
  peer: Peer,
  more: Partial<StreamRequest> = {},
  limits: Partial<TransportLimits> = {},
): Promise<Outcome> {
  const { signal } = new AbortController();
  return run(transport(limits).open(streamRequest(peer, more), { signal }));
}

export const heights = (items: readonly WireItem[]): (number | null)[] =>
  items.flatMap((item) => (item.kind === 'frame' ? [item.height] : []));

export const codeOf = (outcome: Outcome): ErrorCode | null => outcome.error?.code ?? null;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
