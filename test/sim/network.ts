import type { EndpointResponse } from '../../src/contracts/index.js';
import { type BodyFault, Connection } from './connection.js';
import { type Peer, type PeerRequest, problem } from './peer.js';
import type { Random } from './random.js';

/** How a peer takes requests now: it answers, it is gone, it takes them and says nothing, or it refuses them. */
export type Reachability =
  'up' | 'dead' | 'silent' | { readonly status: number; readonly retryAfterSeconds: number | null };

const NOTHING = new Uint8Array();

/** What a proxy says in the place of a server. */
const PAGE = Buffer.from('<!doctype html><title>Maintenance</title>');

const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  404: 'NOT_FOUND',
  429: 'TOO_MANY_STREAMS',
  500: 'INTERNAL',
  503: 'SERVER_BUSY',
};

/** One peer and the line to it. */
export class Line {
  readonly peer: Peer;
  reachability: Reachability = 'up';
  /** What becomes of the next body. */
  nextFault: { readonly kind: BodyFault; readonly afterBytes: number } | null = null;
  /** Waits between the pieces of a body, in milliseconds; `null` for none. */
  dripMs: number | null = null;
  readonly connections = new Set<Connection>();
  /** Give up requests that nobody answers. */
  readonly #unanswered = new Set<(reason: Error) => void>();

  constructor(peer: Peer) {
    this.peer = peer;
  }

  /** What was to happen later does not, and what is held up breaks now. */
  mend(): void {
    this.nextFault = null;
    for (const connection of [...this.connections]) connection.mend();
    for (const giveUp of [...this.#unanswered]) giveUp(refused());
  }

  /** A request that is taken and not answered: it ends with the client's patience, or when the line is mended. */
  unanswered(signal: AbortSignal | null): Promise<never> {
    return new Promise((_resolve, reject) => {
      const giveUp = (reason: Error): void => {
        this.#unanswered.delete(giveUp);
        signal?.removeEventListener('abort', onAbort);
        reject(reason);
      };
      const onAbort = (): void => {
        giveUp(signal?.reason as Error);
      };
      this.#unanswered.add(giveUp);
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Breaks all that is open. */
  cut(): number {
    const open = [...this.connections];
    for (const connection of open) connection.fail('cut', 0);
    return open.length;
  }
}

/** The lines between a client and its peers; `fetch` is the client's end. */
export class Network {
  readonly lines: readonly Line[];
  readonly #random: Random;
  readonly #byOrigin: ReadonlyMap<string, Line>;
  requests = 0;
  /** Requests without an answer yet. */
  waiting = 0;

  constructor(peers: readonly Peer[], random: Random) {
    this.lines = peers.map((peer) => new Line(peer));
    this.#random = random;
    this.#byOrigin = new Map(this.lines.map((line) => [line.peer.url, line]));
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const line = this.#byOrigin.get(url.origin);
    if (line === undefined) throw refused();
    const signal = init?.signal ?? null;
    this.requests += 1;
    this.waiting += 1;
    try {
      await latency(this.#random.int(1, 200), signal);
      if (line.reachability === 'dead') throw refused();
      if (line.reachability === 'silent') await line.unanswered(signal);
      const request = {
        method: init?.method ?? 'GET',
        path: url.pathname.replace(/^\/sync/, ''),
        query: url.searchParams,
        headers: new Headers(init?.headers),
      };
      return await this.#answer(line, request, signal);
    } finally {
      this.waiting -= 1;
    }
  };

  async #answer(line: Line, request: PeerRequest, signal: AbortSignal | null): Promise<Response> {
    const { reachability } = line;
    if (typeof reachability === 'object') return responseOf(refusal(reachability), null);
    const server = new AbortController();
    const onAbort = (): void => {
      server.abort();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const answer = await line.peer.answer(request, server.signal);
    signal?.removeEventListener('abort', onAbort);
    if (answer.body === null) return responseOf(answer, null);
    const connection = this.#connect(line, answer, signal, server);
    if (signal?.aborted === true) connection.fail('cut', 0);
    return responseOf(answer, connection.stream);
  }

  #connect(
    line: Line,
    answer: EndpointResponse,
    signal: AbortSignal | null,
    server: AbortController,
  ): Connection {
    const hasLength = answer.body instanceof Uint8Array;
    const body = answer.body instanceof Uint8Array ? once(answer.body) : (answer.body ?? once(NOTHING));
    const onEnd = (ended: Connection): void => {
      line.connections.delete(ended);
      server.abort();
    };
    const { dripMs } = line;
    const connection = new Connection({ body, hasLength, random: this.#random, signal, dripMs, onEnd });
    line.connections.add(connection);
    const fault = line.nextFault;
    line.nextFault = null;
    if (fault !== null) connection.fail(fault.kind, fault.afterBytes);
    return connection;
  }
}

function refusal({ status, retryAfterSeconds }: Exclude<Reachability, string>): EndpointResponse {
  if (status === 200) return { status, headers: { 'content-type': 'text/html' }, body: PAGE };
  const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
  return problem(status, { code: CODES[status] ?? 'INTERNAL' }, headers);
}

function responseOf(answer: EndpointResponse, stream: ReadableStream<Uint8Array> | null): Response {
  const { status, headers, body } = answer;
  const bytes = body instanceof Uint8Array ? new Uint8Array(body) : null;
  return new Response(stream ?? bytes, { status, headers });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

/** As the platform's `fetch` fails. */
function refused(): TypeError {
  return new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
}

function latency(ms: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
