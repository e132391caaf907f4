import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { openChain } from '../../src/index.js';
import { closeHttp2Server, createHttp2CleartextServer, createHttp2Server } from '../../src/server/http2.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { listenAt, selfSigned } from '../server/http2-support.js';
import { programMissing } from './nginx/nginx.js';
import { Producer } from './producer.js';

const BLOCKS = 1_000;
const REQUESTS = 2_000;
const CONNECTIONS = 10;
/** Requests under way on each connection; HTTP/1.1 has one. */
const STREAMS = 10;
const PATHS = ['/sync/status', '/sync/json?from=0&to=9', '/sync/json?from=0&to=99'];

const runFile = promisify(execFile);

/** nghttp2's clients against our server: both protocols with and without TLS, and all answers 2xx. */
export async function h2load(): Promise<void> {
  const missing =
    programMissing('h2load', '--version') ??
    programMissing('nghttp', '--version') ??
    programMissing('openssl', 'version');
  if (missing !== null) {
    console.log(`h2load: skipped, ${missing}`);
    return;
  }
  const chain = await openChain({ storage: { use: 'memory' } });
  const lines = new Producer('blocks', 300).lines(BLOCKS).trimEnd().split('\n');
  await chain.append(lines.map((line) => Buffer.from(line)));
  const server = createSyncServer({ source: chain, limits: { maxStreamsPerAddress: CONNECTIONS * STREAMS } });
  const listener = nodeListener(server);
  const secure = createHttp2Server(listener, selfSigned());
  const cleartext = createHttp2CleartextServer(listener);
  const plain = createServer(listener);
  try {
    const tls = `https://127.0.0.1:${await listenAt(secure)}`;
    const h2c = `http://127.0.0.1:${await listenAt(cleartext)}`;
    const http1 = `http://127.0.0.1:${await listenAt(plain)}`;
    for (const path of PATHS) {
      await nghttp(`${tls}${path}`);
      await nghttp(`${h2c}${path}`);
      const figures = [
        `h2 ${await rate(`${tls}${path}`)}`,
        `HTTP/1.1 ${await rate(`${tls}${path}`, '--h1')}`,
        `without TLS h2 ${await rate(`${h2c}${path}`)}`,
        `HTTP/1.1 ${await rate(`${http1}${path}`, '--h1')}`,
      ];
      console.log(`${path}: requests/s: TLS ${figures.join(', ')}`);
    }
    console.log(
      `${CONNECTIONS} connections, ${REQUESTS} requests each time, of h2 ${STREAMS} at once; all 2xx`,
    );
  } finally {
    plain.close();
    plain.closeAllConnections();
    await server.close();
    await Promise.all([secure, cleartext].map((each) => closeHttp2Server(each, { graceMs: 100 })));
    await chain.close();
  }
}

async function nghttp(url: string): Promise<void> {
  const { stdout } = await runFile('nghttp', ['--null-out', '--verbose', url]);
  if (!stdout.includes(':status: 200')) throw new Error(`nghttp ${url}:\n${stdout}`);
}

/** Requests a second. @throws Error unless all answers are 2xx */
async function rate(url: string, ...options: readonly string[]): Promise<string> {
  const streams = options.includes('--h1') ? [] : ['-m', String(STREAMS)];
  const load = ['-n', String(REQUESTS), '-c', String(CONNECTIONS), ...streams, ...options];
  const { stdout } = await runFile('h2load', [...load, '-H', 'accept-encoding: gzip', url]);
  if (!stdout.includes(`status codes: ${REQUESTS} 2xx`)) throw new Error(`h2load ${url}:\n${stdout}`);
  const [, perSecond = '?'] = /([0-9.]+) req\/s/.exec(stdout) ?? [];
  return Number(perSecond).toFixed(0);
}
