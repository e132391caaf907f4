import { spawnSync } from 'node:child_process';
import { createSecureServer } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, type SyncError } from '../../src/index.js';
import { http2Fetch } from '../../src/http2-client/index.js';
import { expired, listenAt, selfSigned } from '../server/http2-support.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const certificateTest = hasOpenssl ? test : test.skip;

/** A TLS server that counts connections and answers nothing that would help. */
async function serveTls(
  t: ExecutionContext,
  tls: ReturnType<typeof selfSigned>,
): Promise<{ readonly url: string; readonly connections: () => number }> {
  let connections = 0;
  const server = createSecureServer({ ...tls, allowHTTP1: true }, (_request, response) => {
    response.writeHead(404).end();
  });
  // Clients leave in the middle of the handshake.
  server.on('sessionError', () => undefined);
  server.on('connection', () => {
    connections += 1;
  });
  t.teardown(() => {
    server.close();
  });
  const port = await listenAt(server);
  return { url: `https://127.0.0.1:${port}/sync`, connections: () => connections };
}

/** How a sync from the server fails. */
async function failure(
  t: ExecutionContext,
  url: string,
  fetch: typeof globalThis.fetch | null = null,
): Promise<SyncError> {
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' }, fetch });
  t.teardown(() => engine.close());
  return t.throwsAsync<SyncError>(engine.start());
}

certificateTest(
  'a certificate that nobody known has signed has a code of its own, and is asked about once',
  async (t) => {
    const own = await serveTls(t, selfSigned());
    const http2 = http2Fetch();
    t.teardown(() => http2.close());
    for (const [name, fetch] of Object.entries({ own: null, global: globalThis.fetch, http2 })) {
      const error = await failure(t, own.url, fetch);
      t.is(error.code, 'PEER_CERTIFICATE', name);
      t.regex(error.message, /DEPTH_ZERO_SELF_SIGNED_CERT/, name);
      t.regex(error.info.action, /NODE_EXTRA_CA_CERTS/);
    }
    // Each asks for the status, and for nothing when that has failed.
    t.is(own.connections(), 3);
  },
);

certificateTest('a certificate of another name, and one that has expired, are told apart', async (t) => {
  const cases = [
    [selfSigned('DNS:elsewhere.test'), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [expired(), 'CERT_HAS_EXPIRED'],
  ] as const;
  for (const [tls, fault] of cases) {
    const { url, connections } = await serveTls(t, tls);
    const fetch = http2Fetch({ connect: { ca: tls.cert } });
    t.teardown(() => fetch.close());
    const error = await failure(t, url, fetch);
    t.is(error.code, 'PEER_CERTIFICATE');
    t.true(error.message.includes(fault), error.message);
    t.is(error.context.peer, url);
    t.is(connections(), 1);
  }
});

certificateTest('a host that brings the authority gets past the certificate', async (t) => {
  const tls = selfSigned();
  const { url } = await serveTls(t, tls);
  const fetch = http2Fetch({ connect: { ca: tls.cert } });
  t.teardown(() => fetch.close());
  t.not((await failure(t, url, fetch)).code, 'PEER_CERTIFICATE');
});
