import type { IncomingMessage } from 'node:http';
import { responseBody } from '../internal/node/response-body.js';

/** The body of a response. */
export function bodyOf(message: IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array> {
  // A failure that nobody waits for must not end the process; whoever reads gets it all the same.
  message.on('error', () => undefined);
  return responseBody({
    stream: message,
    contentEncoding: message.headers['content-encoding'],
    signal,
    abandon: () => {
      message.destroy();
    },
  });
}
