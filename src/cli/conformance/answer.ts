import type { HttpFetchResponse, Peer, TransportDeps } from '../../contracts/index.js';
import { ByteRope } from '../../internal/byte-rope.js';
import { openExchange } from '../../internal/http/exchange.js';
import type { Reading } from './case.js';
import { ReadingEnd } from './reading-end.js';
import { must } from './unmet.js';

/** Most bytes of one answer that are read. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** What came of a request. Its connection may be open still. */
export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | null;
  /** As far as it was to be read; without its content encoding. */
  readonly body: Uint8Array;
  /** Gives up what was not read. */
  readonly close: () => void;
}

/** What to send. */
export interface Asked {
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly read: Reading | null;
}

/**
 * Sends a request and reads its answer.
 *
 * @throws Unmet for a body that does not end as it should @throws SyncError `PEER_*`, `ABORTED`
 */
export async function ask(
  deps: TransportDeps,
  peer: Peer,
  asked: Asked,
  signal: AbortSignal,
): Promise<Answer> {
  const { method, target, headers, read } = asked;
  const request = { peer, target, headers, ...(method === 'HEAD' ? { method } : {}) };
  const exchange = await openExchange(deps, request, signal);
  const close = (): void => {
    exchange.close();
  };
  try {
    const { response } = exchange;
    const body = await readBody(response, read);
    return { status: response.status, header: (name) => response.headers.get(name), body, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function readBody({ body }: HttpFetchResponse, read: Reading | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  // A body may come byte by byte, and a view takes far more than a byte.
  const held = new ByteRope();
  const reading = read === null ? null : new ReadingEnd(read);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        reading?.end();
        return held.take();
      }
      held.append(value);
      length += value.length;
      must(length <= MAX_ANSWER_BYTES, `the body has more than ${MAX_ANSWER_BYTES} bytes`);
      if (reading?.isEnough(value) === true) return held.take();
    }
  } finally {
    reader.releaseLock();
  }
}
