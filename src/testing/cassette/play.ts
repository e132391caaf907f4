import type { HttpFetch, HttpFetchResponse } from '../../contracts/index.js';
import { onAbort } from '../../internal/abort.js';
import { type Exchange, keyOf, type Question, readCassette } from './format.js';

/**
 * Answers as peers have answered before, without a network; for the option `fetch` of an engine. A request that was made
 * several times gets the answers in their order, and the last one from then on. One that was never made fails, as does one
 * to a peer that can't be reached.
 *
 * @param text - what {@link CassetteRecorder.text} gave.
 * @throws TypeError for a text that is no cassette
 */
export function playCassette(text: string): HttpFetch {
  const answers = new Map<string, Exchange[]>();
  for (const exchange of readCassette(text)) {
    const key = textOf(exchange);
    answers.set(key, [...(answers.get(key) ?? []), exchange]);
  }
  return (url, init) => {
    init.signal.throwIfAborted();
    const question = keyOf(url, init);
    const queue = answers.get(textOf(question)) ?? [];
    const exchange = queue.length > 1 ? queue.shift() : queue[0];
    if (exchange !== undefined) return Promise.resolve(responseOf(exchange, init.signal));
    const cause = new Error(`The cassette has no answer to ${question.method} ${question.target}`);
    return Promise.reject(new TypeError('fetch failed', { cause }));
  };
}

function textOf({ method, target, headers }: Question): string {
  return JSON.stringify([method, target, Object.entries(headers).sort()]);
}

function responseOf({ status, answer, body, end }: Exchange, signal: AbortSignal): HttpFetchResponse {
  const headers = { get: (name: string) => answer[name.toLowerCase()] ?? null };
  if (body.length === 0 && end === 'end') return { status, headers, body: null };
  const pieces = [...body];
  let stop = (): void => undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      stop = onAbort(signal, () => {
        controller.error(signal.reason);
      });
    },
    pull: (controller) => {
      const piece = pieces.shift();
      if (piece !== undefined) {
        controller.enqueue(piece.slice());
        return;
      }
      if (end === 'end') controller.close();
      if (end === 'broken') controller.error(new TypeError('terminated'));
      // An open one brings nothing more, until it is called off.
      if (end !== 'open') stop();
    },
    cancel: () => {
      stop();
    },
  });
  return { status, headers, body: stream };
}
