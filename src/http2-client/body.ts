import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { decodedBody } from '../internal/node/decoded-body.js';

/** The body of a response, read from the network only as fast as it is read here. */
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
  const chunks = decodedBody(stream, headers['content-encoding'])[
    Symbol.asyncIterator
  ]() as AsyncIterator<Uint8Array>;
  const fail = (cause: unknown): never => {
    stream.close(constants.NGHTTP2_CANCEL);
    throw signal.aborted ? signal.reason : new TypeError('terminated', { cause });
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next: IteratorResult<Uint8Array, unknown> = await chunks.next().catch(fail);
        if (next.done !== true) {
          controller.enqueue(next.value);
          return;
        }
        // A reset may come right behind the end, and only the closed stream knows of both.
        await closed;
        const missing = whatIsMissing(stream, headers, received());
        if (missing !== null || signal.aborted) fail(new Error(missing ?? 'aborted'));
        controller.close();
      },
      async cancel() {
        stream.close(constants.NGHTTP2_CANCEL);
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
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
