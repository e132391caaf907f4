import type { Dispatcher } from 'undici';
import type { Closeable, HttpFetch, HttpFetchInit } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import type { Deadlines, ProxySettings, TlsSettings } from './options.js';
import { nodeTls } from './tls.js';

/** Sends requests through proxies. */
export interface ProxyClient extends Closeable {
  readonly fetch: HttpFetch;
}

/** A server that is asked to wait before it answers is asked for no more than this. */
const MAX_WAIT_MS = 60_000;

/** Makes a client for what goes through proxies, and for the hosts that are left out of them. */
export async function createProxyClient(
  proxy: ProxySettings,
  settings: TlsSettings,
  deadlines: Deadlines,
): Promise<ProxyClient> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const { connectTimeoutMs: timeout, firstByteTimeoutMs: headersTimeout } = deadlines;
  const tls = nodeTls(settings);
  const { ca } = tls;
  const dispatcher = new EnvHttpProxyAgent({
    // Empty, and not left out: that would mean the environment once more.
    httpProxy: proxy.http ?? '',
    httpsProxy: proxy.https ?? '',
    noProxy: proxy.noProxy,
    proxyTunnel: false,
    connect: { ...tls, timeout },
    requestTls: { ...tls, timeout },
    // The client's certificate is for the peer; the authority may be the proxy's.
    proxyTls: { ...(ca === undefined ? {} : { ca }), timeout },
    // For what waits the longest; whoever asks watches each request.
    headersTimeout: headersTimeout + MAX_WAIT_MS,
    // Whoever reads a body watches it.
    bodyTimeout: 0,
  });
  return {
    fetch: async (url, init) => {
      try {
        return await fetch(url, { ...init, dispatcher });
      } catch (error) {
        throw told(error, url, init, proxy);
      }
    },
    close: () => (dispatcher satisfies Dispatcher).destroy(),
  };
}

const TIMEOUTS: readonly unknown[] = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'];

/** The failure, with what the operator may have forgotten: that there is a proxy. */
function told(error: unknown, { origin }: URL, { signal }: HttpFetchInit, proxy: ProxySettings): unknown {
  if (signal.aborted) return error;
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = inner instanceof Error && 'code' in inner ? inner.code : undefined;
  const note = proxyNote(proxy, origin);
  if (TIMEOUTS.includes(code))
    return new SyncError('PEER_TIMEOUT', `${origin} did not answer in time; ${note}.`, { cause: error });
  const reason = inner instanceof Error ? inner.message || String(code) : String(inner);
  const cause = Object.assign(new Error(`${reason}; ${note}`, { cause: error }), { code });
  return new TypeError('fetch failed', { cause });
}

function proxyNote({ http, https, noProxy, saidBy }: ProxySettings, origin: string): string {
  const address = origin.startsWith('https:') ? https : http;
  const save = noProxy === '' ? '' : ', save for hosts of NO_PROXY';
  // Without the name and the password that it may have.
  return `a proxy is set by ${saidBy}: ${new URL(address ?? '').origin}${save}`;
}
