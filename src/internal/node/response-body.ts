import type { Readable } from 'node:stream';
import { decodedBody } from './decoded-body.js';

/** Where the body of a response comes from. */
export interface BodySource {
  /** Its bytes as they come from the connection. */
  readonly stream: Readable;
  readonly contentEncoding: string | undefined;
  /** Of the request. */
  readonly signal: AbortSignal;
  /** Gives up what is still to come. */
  abandon(): void;
  /** Asked at the end, where the end alone does not tell: what is missing of the body; `null` when it is whole. */
  missing?(): Promise<string | null>;
}

/**
 * The decoded body of a response, read from the network only as fast as it is read here. Its failures have the form of
 * the global `fetch`'s: a `TypeError` whose cause tells, or the signal's reason.
 */
export function responseBody(source: BodySource): ReadableStream<Uint8Array> {
  const { signal } = source;
  const content = decodedBody(source.stream, source.contentEncoding);
  const chunks = content[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const fail = (cause: unknown): never => {
    source.abandon();
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
        const missing = (await source.missing?.()) ?? null;
        if (missing !== null) fail(new Error(missing));
        controller.close();
      },
      async cancel() {
        source.abandon();
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
