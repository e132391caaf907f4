import type { IncomingMessage } from 'node:http';
import { decodedBody } from '../internal/node/decoded-body.js';

/** The body of a response, read from the network only as fast as it is read here. */
export function bodyOf(message: IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array> {
  // A failure that nobody waits for must not end the process; whoever reads gets it all the same.
  message.on('error', () => undefined);
  const content = decodedBody(message, message.headers['content-encoding']);
  const chunks = content[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next: IteratorResult<Uint8Array, unknown> = await chunks.next().catch((cause: unknown) => {
          throw signal.aborted ? signal.reason : new TypeError('terminated', { cause });
        });
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        message.destroy();
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
