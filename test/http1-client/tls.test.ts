import { createServer, type ServerOptions } from 'node:https';
import type { ExecutionContext } from 'ava';
import { createSyncEngine, openChain, type SyncEngineConfig, type SyncError } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { startProxy } from '../helpers/proxy.js';
import { selfSigned, listenAt } from '../server/http2-support.js';
import { tlsTest } from '../server/http2-tls-test.js';

/** A node that serves over TLS. @returns its address */
async function serveTls(t: ExecutionContext, options: ServerOptions): Promise<string> {
  const chain = await openChain({ storage: { use: 'memory' } });
  await chain.append(sealedChain(5));
  const sync = createSyncServer({ source: chain });
  const server = createServer(options, nodeListener(sync, { path: '/sync' }));
  t.teardown(async () => {
    await sync.close();
    server.closeAllConnections();
    server.close();
    await chain.close();
  });
  return `https://127.0.0.1:${await listenAt(server)}/sync`;
}

/** Syncs once. @returns the height of the head */
async function headBy(t: ExecutionContext, config: Partial<SyncEngineConfig>): Promise<number | undefined> {
  const engine = createSyncEngine({
    peers: ['https://127.0.0.1'],
    storage: { use: 'memory' },
    retry: { maxAttempts: 1 },
    proxy: null,
    ...config,
  });
  t.teardown(() => engine.close());
  await engine.start();
  return engine.state.checkpoint?.head?.height;
}

tlsTest('a private authority is taken from `tls.ca`, and its lack is named', async (t, tls) => {
  const url = await serveTls(t, tls);
  const { cert: ca } = tls;
  t.is(await headBy(t, { peers: [url], tls: { ca } }), 4);
  t.is(await headBy(t, { peers: [url], tls: { ca: [selfSigned().cert.toString(), ca.toString()] } }), 4);
  const error = await t.throwsAsync<SyncError>(headBy(t, { peers: [url] }));
  t.is(error.code, 'PEER_CERTIFICATE');
  t.regex(error.message, /`tls\.ca`/);
  t.regex(error.info.action, /`tls\.ca`/);
});

tlsTest(
  'a peer that asks for a certificate gets that of the client, and nobody else passes',
  async (t, tls) => {
    const client = selfSigned();
    const url = await serveTls(t, { ...tls, requestCert: true, ca: client.cert });
    t.is(await headBy(t, { peers: [url], tls: { ca: tls.cert, cert: client.cert, key: client.key } }), 4);
    const error = await t.throwsAsync<SyncError>(headBy(t, { peers: [url], tls: { ca: tls.cert } }));
    t.is(error.code, 'PEER_UNREACHABLE');
  },
);

tlsTest(
  'the name that the certificate has to have can be another one than that of the address',
  async (t) => {
    const tls = selfSigned('DNS:node.internal');
    const url = await serveTls(t, tls);
    const named = { ca: tls.cert, servername: 'node.internal' };
    t.is(await headBy(t, { peers: [url], tls: named }), 4);
    await t.throwsAsync(headBy(t, { peers: [url], tls: { ca: tls.cert } }), { code: 'PEER_CERTIFICATE' });
  },
);

tlsTest('a key of another certificate is refused by the call, without a word of it', (t, tls) => {
  const { key } = selfSigned();
  const error = t.throws(
    () =>
      createSyncEngine({ peers: ['https://a'], storage: { use: 'memory' }, tls: { cert: tls.cert, key } }),
    { instanceOf: TypeError },
  );
  t.regex(error.message, /^createSyncEngine: `tls` is not what Node takes/);
  t.notRegex(error.message, /BEGIN/);
  return Promise.resolve();
});

tlsTest(
  'an https peer is reached through a tunnel, with the certificates, and its token is not for the proxy',
  async (t, tls) => {
    const client = selfSigned();
    const url = await serveTls(t, { ...tls, requestCert: true, ca: client.cert });
    const proxy = await startProxy(t);
    const config = {
      peers: [{ url, headers: { authorization: 'Bearer s3cret' } }],
      tls: { ca: tls.cert, cert: client.cert, key: client.key },
      proxy: proxy.url.replace('//', '//user:pass@'),
    };
    t.is(await headBy(t, config), 4);
    t.true(proxy.seen.length > 0);
    t.true(proxy.seen.every((line) => line === `CONNECT ${new URL(url).host}`));
    t.is(proxy.proxyAuthorization[0], `Basic ${Buffer.from('user:pass').toString('base64')}`);
    t.false(proxy.headersOfTunnels.some((headers) => headers.includes('s3cret')));
    const error = await t.throwsAsync<SyncError>(headBy(t, { ...config, tls: {} }));
    t.is(error.code, 'PEER_CERTIFICATE');
    t.regex(error.message, /a proxy is set by the option `proxy`/, 'it may be the one that opened TLS');
  },
);
