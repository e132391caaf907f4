import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { responseBody } from '../internal/node/response-body.js';

/** The body of a response. */
export function bodyOf(
  stream: ClientHttp2Stream,
  headers: IncomingHttpHeaders,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const closed = new Promise<void>((resolve) => {
    if (stream.destroyed) resolve();
    stream.once('close', resolve);
  });
  const received = countBytes(stream);
  return responseBody({
    stream,
    contentEncoding: headers['content-encoding'],
    signal,
    abandon: () => {
      stream.close(constants.NGHTTP2_CANCEL);
    },
    missing: async () => {
      // A reset may come right behind the end, and only the closed stream knows of both.
      await closed;
      return whatIsMissing(stream, headers, received()) ?? (signal.aborted ? 'It was called off.' : null);
    },
  });
}

function countBytes(stream: ClientHttp2Stream): () => number {
  let bytes = 0;
  const push = stream.push.bind(stream);
  stream.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    bytes += chunk?.length ?? 0;
    return push(chunk, encoding);
  };
  return () => bytes;
}

/** Node ends a stream also where it was reset: why a body that has ended is not whole, or `null`. */
function whatIsMissing(
  stream: ClientHttp2Stream,
  headers: IncomingHttpHeaders,
  received: number,
): string | null {
  const { rstCode, aborted } = stream;
  if (rstCode !== 0 || aborted) return `The server reset the stream (code ${rstCode}).`;
  const announced = headers['content-length'];
  if (announced === undefined || Number(announced) === received) return null;
  return `The response ended after ${received} of ${announced} bytes.`;
}
