import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';

/** What a client may send in a period beside requests and data: pings, settings, and requests that it calls off. */
const MAX_FRAMES = 200;
const PERIOD_MS = 10_000;

/** Streams that a client has open at once in one session: Node's own default has no bound. */
export const MAX_CONCURRENT_STREAMS = 100;

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM } = constants;

/** Streams that a client may open in one turn. Until it has acknowledged our settings, they say nothing. */
function mostOpened({ localSettings, pendingSettingsAck }: ServerHttp2Session): number {
  const { maxConcurrentStreams = MAX_CONCURRENT_STREAMS } = localSettings;
  return pendingSettingsAck ? MAX_CONCURRENT_STREAMS : Math.max(MAX_CONCURRENT_STREAMS, maxConcurrentStreams);
}

/**
 * Ends a session whose client makes work without asking for anything: each ping, each settings frame and each request
 * that is called off costs an answer or a start (CVE-2019-9512, -9514 and -9515, CVE-2023-44487).
 */
export function endFloods(session: ServerHttp2Session): void {
  let since = performance.now();
  let frames = 0;
  const end = (): void => {
    if (session.destroyed) return;
    session.destroy(new Error('The client floods the session.'), NGHTTP2_ENHANCE_YOUR_CALM);
  };
  const count = (): void => {
    const now = performance.now();
    if (now - since > PERIOD_MS) {
      since = now;
      frames = 0;
    }
    frames += 1;
    if (frames > MAX_FRAMES) end();
  };
  session.on('ping', count);
  session.on('remoteSettings', count);
  let opened = 0;
  session.on('stream', (stream: ServerHttp2Stream) => {
    if (opened === 0) setImmediate(() => (opened = 0));
    opened += 1;
    // Answers go out between two turns: whoever opens more in one turn has called off the others.
    if (opened > mostOpened(session)) end();
    stream.once('close', () => {
      if (stream.rstCode === NGHTTP2_CANCEL) count();
    });
  });
}
