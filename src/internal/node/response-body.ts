import type { Readable } from 'node:stream';
import { SyncError } from '../../errors/index.js';
import { contentCoding, IDENTITY } from '../http/content-encoding.js';
import { peerText } from '../http/shape.js';
import { decodedBody, isMislabelled } from './decoded-body.js';

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
 * the global `fetch`'s: a `TypeError` whose cause tells, or the signal's reason. Where the encoding is none that is decoded
 * here, or not the one that the head names, reading fails with a SyncError `PEER_NOT_SYNC`.
 */
export function responseBody(source: BodySource): ReadableStream<Uint8Array> {
  const { signal, contentEncoding = '' } = source;
  const coding = contentCoding(contentEncoding);
  const content = decodedBody(source.stream, coding ?? IDENTITY);
  const chunks = content[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const fail = (cause: unknown): never => {
    source.abandon();
    if (signal.aborted) throw signal.reason;
    throw isMislabelled(cause) ? mislabelled(contentEncoding, cause) : new TypeError('terminated', { cause });
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (coding === null) {
          source.abandon();
          throw undecodable(contentEncoding);
        }
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

function undecodable(contentEncoding: string): SyncError {
  const name = peerText(contentEncoding, 40);
  const message = `The response has the Content-Encoding ${name}, which was not asked for and is not decoded here; a proxy may have encoded it.`;
  return new SyncError('PEER_NOT_SYNC', message);
}

function mislabelled(contentEncoding: string, cause: unknown): SyncError {
  const name = peerText(contentEncoding, 40);
  const message = `The response has the Content-Encoding ${name}, but its body is not gzip; a proxy may have decoded it and left the label.`;
  return new SyncError('PEER_NOT_SYNC', message, { cause });
}
