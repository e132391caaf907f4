import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import {
  jsonRangeEndpoint,
  jsonRangeTransport,
  type JsonRangeTransportOptions,
} from '../../plugins/transport-json-range/index.js';
import type {
  BlockRef,
  BlockSource,
  ChainTip,
  Peer,
  ServerLimits,
  StreamRequest,
  Transport,
  HttpFetch,
  TransportLimits,
  WireItem,
} from '../../src/contracts/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { isSyncError, type SyncError, type ErrorCode } from '../../src/errors/index.js';
import { createSyncServer } from '../../src/server/create-server.js';
import type { SyncServerConfig } from '../../src/server/plan.js';
import { nodeListener } from '../../src/server/node.js';
import { codecOf } from '../helpers/builtin-codecs.js';
import { MemorySource } from '../helpers/memory-source.js';

type Teardown = Pick<ExecutionContext, 'teardown'>;
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export const rules = sealedJson().create();
export const describe = (document: Uint8Array): ReturnType<typeof rules.describe> => rules.describe(document);

/** A source with a block that can't be rolled back any more. */
export class FinalizedSource extends MemorySource {
  finalized: BlockRef | null = null;

  override tip(): ChainTip {
    return { ...super.tip(), finalized: this.finalized };
  }
}

/** A real server whose requests and sockets a test can look at. */
export interface TestServer {
  readonly peer: Peer;
  readonly origin: string;
  /** Targets of the requests so far. */
  readonly targets: string[];
  readonly sockets: Set<Socket>;
}

export async function serve(t: Teardown, handler: Handler): Promise<TestServer> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((req, res) => {
    targets.push(req.url ?? '');
    handler(req, res);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { peer: { url: `${origin}/sync`, headers: {} }, origin, targets, sockets };
}

export interface SyncTestServer extends TestServer {
  /** What the operator was told. */
  readonly errors: unknown[];
  /** Ends what is being answered. */
  readonly close: () => void;
}

/** A sync server that has JSON ranges. */
export async function serveRanges(
  t: Teardown,
  source: BlockSource,
  more: {
    limits?: Partial<ServerLimits>;
    plugins?: NonNullable<SyncServerConfig['plugins']>;
    wrap?: (handler: Handler) => Handler;
  } = {},
): Promise<SyncTestServer> {
  const errors: unknown[] = [];
  const server = createSyncServer({
    source,
    plugins: [jsonRangeEndpoint(), ...(more.plugins ?? [])],
    limits: more.limits ?? {},
    onError: (error) => errors.push(error),
  });
  t.teardown(() => server.close());
  const wrap = more.wrap ?? ((handler: Handler): Handler => handler);
  const close = (): void => {
    void server.close({ graceMs: 0 });
  };
  return { ...(await serve(t, wrap(nodeListener(server)))), errors, close };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came over the wire. */
  readonly raw: Buffer;
  /** Without its content encoding. */
  readonly body: string;
}

/** A request as it is written here; rejects when the response is cut. */
export function get(
  origin: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(origin, { path, headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const raw = Buffer.concat(chunks);
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, headers: got, raw, body: decoded(raw, got['content-encoding']).toString() });
      });
    });
    sent.on('error', reject).end();
  });
}

function decoded(raw: Buffer, encoding: string | undefined): Buffer {
  if (raw.length === 0) return raw;
  if (encoding === undefined) return raw;
  if (encoding === 'gzip') return gunzipSync(raw);
  return Buffer.from(codecOf(encoding).decode(raw, { maxOutputBytes: 1e8 }));
}

export const testLimits: TransportLimits = {
  connectTimeoutMs: 20_000,
  firstByteTimeoutMs: 20_000,
  idleTimeoutMs: 20_000,
  muteTimeoutMs: 20_000,
  progressTimeoutMs: 20_000,
  maxEventBytes: 1024 * 1024,
  maxBlockBytes: 512 * 1024,
};

export function transport(
  options: JsonRangeTransportOptions = {},
  limits: Partial<TransportLimits> = {},
  fetch: HttpFetch = createHttp1Client({ ...testLimits, ...limits }).fetch,
): Transport {
  // A busy machine is silent for a while too, and tests that count requests want no second one for that.
  return jsonRangeTransport({ hedgeAfterMs: 60_000, ...options }).create({
    fetch,
    limits: { ...testLimits, ...limits },
  });
}

export function streamRequest(peer: Peer, more: Partial<StreamRequest> = {}): StreamRequest {
  return { peer, after: null, from: 0, to: null, acceptCodecs: ['identity'], follow: false, ...more };
}

export interface Outcome {
  readonly items: WireItem[];
  readonly error: SyncError | null;
}

export async function run(batches: AsyncIterable<readonly WireItem[]>): Promise<Outcome> {
  const items: WireItem[] = [];
  try {
    for await (const batch of batches) items.push(...batch);
    return { items, error: null };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { items, error };
  }
}

export function fetchAll(
  peer: Peer,
  more: Partial<StreamRequest> = {},
  options: JsonRangeTransportOptions = {},
  limits: Partial<TransportLimits> = {},
): Promise<Outcome> {
  const { signal } = new AbortController();
  return run(transport(options, limits).open(streamRequest(peer, more), { signal }));
}

export const codeOf = (outcome: Outcome): ErrorCode | null => outcome.error?.code ?? null;

/** Text of the documents that were delivered. */
export const texts = (items: readonly WireItem[]): string[] =>
  items.flatMap((item) => (item.kind === 'frame' ? [Buffer.from(item.bytes).toString()] : []));

export const heights = (items: readonly WireItem[]): (number | null)[] =>
  items.flatMap((item) => (item.kind === 'frame' ? [item.height] : []));

export const toTexts = (documents: readonly Uint8Array[]): string[] =>
  documents.map((document) => Buffer.from(document).toString());

export function refAt(documents: readonly Uint8Array[], height: number): BlockRef {
  const { hash } = rules.describe(documents[height] ?? new Uint8Array());
  return { height, hash };
}

/** Answers like a server that has nothing but `/sync/json`. */
export function plain(respond: (from: number, to: number, response: ServerResponse) => void): Handler {
  return (req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost');
    if (url.pathname !== '/sync/json') res.writeHead(404).end();
    else respond(Number(url.searchParams.get('from')), Number(url.searchParams.get('to')), res);
  };
}
