import type { Peer, PeerStatus, TransportDeps } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { ConnectionSettings } from '../../http1-client/index.js';
import { BodyReader } from '../../internal/http/body.js';
import { openExchange } from '../../internal/http/exchange.js';
import { responseError } from '../../internal/http/response-error.js';
import { fetchStatusDocument } from '../../internal/http/status.js';
import { refText } from '../chain-summary.js';
import { broken, doubtful, fine, type Finding } from './check.js';

/** Tokens and certificates are judged by the clock, and allow for about so much, in milliseconds. */
const MAX_CLOCK_MS = 30_000;
/** A stream that has something to send and is silent for so long is held back on the way, in milliseconds. */
const MUTE_MS = 5_000;

/** Looks at a peer: whether it can be reached, whether its clock is ours, and whether its streams come through. */
export async function checkPeer(
  deps: TransportDeps,
  peer: Peer,
  { proxy }: ConnectionSettings,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { url } = peer;
  const through = proxy === null ? [] : [fine('proxy', `one is set by ${proxy.saidBy}`)];
  try {
    const startedMs = performance.now();
    const status = (await fetchStatusDocument(deps, peer, signal))?.status ?? null;
    if (status === null) throw new SyncError('PEER_NOT_FOUND', `${url} has no status document.`);
    const took = Math.round(performance.now() - startedMs);
    const head = status.head === null ? 'no block yet' : refText(status.head);
    const reached = fine('peer', `${url} answered within ${took} ms; ${head}`);
    return [
      ...through,
      reached,
      await checkClock(deps, peer, signal),
      await checkStream(deps, peer, status, signal),
    ];
  } catch (error) {
    return [...through, throughProxy(broken('peer', error), proxy)];
  }
}

/** Where a proxy is set, it may be what can't be reached. */
function throughProxy(found: Finding, proxy: ConnectionSettings['proxy']): Finding {
  const isAway = ['PEER_UNREACHABLE', 'PEER_TIMEOUT'].includes(found.error?.code ?? '');
  if (proxy === null || !isAway) return found;
  const action = `Correct the proxy (${proxy.saidBy}); a peer that is reached without one belongs into NO_PROXY.`;
  return { ...found, action };
}

async function checkClock(deps: TransportDeps, peer: Peer, signal: AbortSignal): Promise<Finding> {
  const exchange = await openExchange(deps, { peer, target: '/status', headers: {}, method: 'HEAD' }, signal);
  exchange.close();
  const theirs = Date.parse(exchange.response.headers.get('date') ?? '');
  if (Number.isNaN(theirs)) return fine('clock', `${peer.url} does not tell its time`);
  const apartMs = Math.abs(Date.now() - theirs);
  const text = `that of ${peer.url} is ${Math.round(apartMs / 1000)} s from this one`;
  if (apartMs <= MAX_CLOCK_MS) return fine('clock', text);
  return doubtful(
    'clock',
    text,
    'Set the clocks by NTP: tokens, certificates and ages of blocks depend on them.',
  );
}

/** The newest block is asked for, so that there is something to send at once. */
async function checkStream(
  deps: TransportDeps,
  peer: Peer,
  { head, codecs }: PeerStatus,
  signal: AbortSignal,
): Promise<Finding> {
  const [codec] = codecs.stream;
  if (head === null || codec === undefined) return fine('stream', `${peer.url} has none to look at`);
  const target = `/stream?from_height=${head.height}&codec=${encodeURIComponent(codec)}&follow=true`;
  const request = { peer, target, headers: { accept: 'text/event-stream' } };
  const limits = { ...deps.limits, firstByteTimeoutMs: MUTE_MS };
  try {
    const exchange = await openExchange({ ...deps, limits }, request, signal);
    try {
      if (exchange.response.status !== 200)
        throw await responseError(exchange, { peer, limits, from: head.height, signal });
      const codes = { idle: 'STREAM_IDLE', progress: 'STREAM_NO_PROGRESS', cut: 'STREAM_TRUNCATED' } as const;
      const body = new BodyReader(exchange, { idleMs: MUTE_MS, progressMs: MUTE_MS, codes });
      await body.next();
      return fine('stream', `${peer.url} sends at once`);
    } finally {
      exchange.close();
    }
  } catch (error) {
    const found = broken('stream', error);
    const isMute = ['STREAM_IDLE', 'STREAM_NO_PROGRESS', 'PEER_TIMEOUT'].includes(found.error?.code ?? '');
    if (!isMute) return found;
    const text = `${peer.url} answers, and its stream is silent: something on the way holds it back`;
    return doubtful(
      'stream',
      text,
      'Switch buffering of responses off in the proxy in front of it (X-Accel-Buffering).',
    );
  }
}
