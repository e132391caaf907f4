import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import type { HttpFetch, Peer, TransportDeps } from '../../src/contracts/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { testLimits } from '../plugins/snapshot-client-support.js';

/** What the client's decoder and sockets may have made before they are stopped. */
export const SLACK_BYTES = 512 * 1024;
const limits = {
  ...testLimits,
  idleTimeoutMs: 60_000,
  progressTimeoutMs: 60_000,
  firstByteTimeoutMs: 60_000,
};

/** What came of a request. */
export interface Asked {
  readonly error: unknown;
  /** Bytes of bodies that the client took, decoded. */
  readonly taken: number;
}

/** Serves one body, gzip'ed, and asks for it. */
export async function askedFor(
  t: ExecutionContext,
  answer: { readonly status?: number; readonly type?: string; readonly body: Uint8Array },
  request: (deps: TransportDeps, peer: Peer) => Promise<unknown>,
): Promise<Asked> {
  const zipped = gzipSync(answer.body, { level: 1 });
  const server = createServer((_request, response) => {
    const type = answer.type ?? 'application/json';
    response.writeHead(answer.status ?? 200, { 'content-type': type, 'content-encoding': 'gzip' });
    response.end(zipped);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = createHttp1Client(limits);
  const counted = counting(http.fetch);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const peer = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, headers: {} };
  const error = await request({ fetch: counted.fetch, limits }, peer).then(
    () => null,
    (reason: unknown) => reason,
  );
  await http.close();
  server.closeAllConnections();
  return { error, taken: counted.bytes() };
}

function counting(fetch: HttpFetch): { readonly fetch: HttpFetch; bytes(): number } {
  let bytes = 0;
  const count = new Set<TransformStream<Uint8Array, Uint8Array>>();
  const counted: HttpFetch = async (url, init) => {
    const response = await fetch(url, init);
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        bytes += chunk.length;
        controller.enqueue(chunk);
      },
    });
    count.add(counter);
    const { status, headers } = response;
    return { status, headers, body: response.body?.pipeThrough(counter) ?? null };
  };
  return { fetch: counted, bytes: () => bytes };
}
