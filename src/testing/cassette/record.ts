import type { HttpFetch, HttpFetchInit, HttpFetchResponse } from '../../contracts/index.js';
import { type Exchange, keyOf, KEPT_HEADERS, writeCassette } from './format.js';

/** Most bytes of bodies that are recorded. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Records what peers answer. */
export interface CassetteRecorder {
  /** For the option `fetch` of an engine: asks as the `fetch` does that it was made of, and keeps what comes. */
  readonly fetch: HttpFetch;
  /**
   * What was recorded so far, as the text of a file: one line for the whole and one for each exchange, without anything that
   * could be a secret.
   *
   * @throws RangeError when the bodies have more than 64 MiB
   */
  text(): string;
}

/**
 * Records what peers answer, for {@link playCassette}.
 *
 * @param fetch - what asks them. The global `fetch` by default.
 */
export function recordCassette(fetch: HttpFetch = globalThis.fetch): CassetteRecorder {
  const exchanges: Exchange[] = [];
  let bytes = 0;
  const recorded = async (url: URL, init: HttpFetchInit): Promise<HttpFetchResponse> => {
    const response = await fetch(url, init);
    const exchange: Exchange = {
      ...keyOf(url, init),
      status: response.status,
      answer: keptHeaders(response),
      body: [],
      end: response.body === null ? 'end' : 'open',
    };
    exchanges.push(exchange);
    if (response.body === null) return response;
    const body = tapped(response.body, init.signal, exchange, (length) => {
      bytes += length;
      return bytes <= MAX_BYTES;
    });
    return { status: response.status, headers: response.headers, body };
  };
  return {
    fetch: recorded,
    text: () => {
      if (bytes > MAX_BYTES) throw new RangeError(`The bodies have more than ${MAX_BYTES} bytes.`);
      return writeCassette(exchanges);
    },
  };
}

function keptHeaders({ headers }: HttpFetchResponse): Record<string, string> {
  return Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** Hands a body on and keeps it, as far as somebody reads it. */
function tapped(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  exchange: Exchange,
  hasRoom: (length: number) => boolean,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          exchange.end = 'end';
          controller.close();
          return;
        }
        if (hasRoom(value.length)) exchange.body.push(value.slice());
        controller.enqueue(value);
      } catch (error) {
        // What was called off was not broken.
        if (!signal.aborted) exchange.end = 'broken';
        controller.error(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
