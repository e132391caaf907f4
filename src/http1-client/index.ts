import type { Closeable, HttpFetch } from '../contracts/index.js';
import { isLoopback } from '../internal/http/loopback.js';
import { Connections } from './connections.js';
import { type ConnectionSettings, type Deadlines, PLAIN, type ProxySettings } from './options.js';
import type { ProxyClient } from './proxied.js';
import { sendRequest } from './request.js';

export { type ConnectionSettings, type Deadlines, PLAIN } from './options.js';

/** An {@link HttpFetch} with the connections that it keeps. */
export interface Http1Client extends Closeable {
  readonly fetch: HttpFetch;
  /** Cuts off all connections. */
  close(): Promise<void>;
}

/**
 * The HTTP/1.1 client of engines that are given none, on `node:http`. Beside the global `fetch` it tells connecting from
 * waiting for an answer, gives decoded bodies in larger pieces, and takes a third less processor time with small blocks.
 * What goes through a proxy is left to undici, which is loaded only then.
 */
export function createHttp1Client(
  deadlines: Deadlines,
  { tls, proxy }: ConnectionSettings = PLAIN,
): Http1Client {
  const connections = new Connections(tls);
  let proxied: Promise<ProxyClient> | null = null;
  let files: Promise<HttpFetch> | null = null;
  const direct: HttpFetch = async (url, init) => {
    if (url.protocol !== 'file:') return sendRequest(await connections.agentFor(url), url, init, deadlines);
    files ??= import('../internal/node/file-fetch.js').then(({ fileFetch }) => fileFetch);
    return (await files)(url, init);
  };
  const send: HttpFetch = async (url, init) => {
    if (proxy === null || url.protocol === 'file:' || isExempt(proxy, url)) return direct(url, init);
    proxied ??= import('./proxied.js').then(({ createProxyClient }) =>
      createProxyClient(proxy, tls, deadlines),
    );
    return (await proxied).fetch(url, init);
  };
  return {
    fetch: proxy === null ? direct : send,
    close: async () => {
      connections.close();
      await (await proxied)?.close();
    },
  };
}

function isExempt({ http, https, loopback }: ProxySettings, { protocol, hostname }: URL): boolean {
  return (protocol === 'https:' ? https : http) === null || (!loopback && isLoopback(hostname));
}
