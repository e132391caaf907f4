import type { BlockSource, EndpointResponse } from '../../src/contracts/index.js';
import { createSyncServer, type SyncServer } from '../../src/server/index.js';
import type { Lie } from './lies.js';

/** A request as a client has sent it. */
export interface PeerRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
}

type Body = NonNullable<EndpointResponse['body']>;

/** A server of the simulated world. */
export class Peer {
  readonly url: string;
  /** What it lies about; `null` for an honest one. */
  readonly lie: Lie | null;
  /** Whether it is the one that the client can always come back to. */
  readonly isAnchor: boolean;
  readonly #source: BlockSource;
  readonly #onError: (error: unknown) => void;
  #server: SyncServer;

  constructor(
    url: string,
    source: BlockSource,
    {
      lie,
      isAnchor,
      onError,
    }: Pick<Peer, 'lie' | 'isAnchor'> & { readonly onError: (error: unknown) => void },
  ) {
    this.url = url;
    this.lie = lie;
    this.isAnchor = isAnchor;
    this.#source = source;
    this.#onError = onError;
    this.#server = this.#start();
  }

  /** Streams that are open on it. */
  get openStreams(): number {
    return this.#server.openStreams;
  }

  /** The process is started anew. */
  async restart(): Promise<void> {
    const old = this.#server;
    this.#server = this.#start();
    await old.close({ graceMs: 0 });
  }

  close(): Promise<void> {
    return this.#server.close({ graceMs: 0 });
  }

  /** Answers a request in the way of this peer. */
  async answer(request: PeerRequest, signal: AbortSignal): Promise<EndpointResponse> {
    const { path, query, headers } = request;
    const response = await this.#server.handle(
      { method: 'GET', path, query, clientKey: 'client', header: (name) => headers.get(name) },
      { signal },
    );
    const { status, body } = response;
    if (this.lie === null || status !== 200 || body === null) return response;
    return this.#bent(this.lie, request, { ...response, body }, signal);
  }

  async #bent(
    lie: Lie,
    { path, query }: PeerRequest,
    response: EndpointResponse & { readonly body: Body },
    signal: AbortSignal,
  ): Promise<EndpointResponse> {
    const { body } = response;
    if (path === '/status') {
      const members = JSON.parse((await textOf(body)).toString()) as Record<string, unknown>;
      return { ...response, body: Buffer.from(JSON.stringify(lie.status(members))) };
    }
    const ancestors = query.has('parent_hash') ? lie.forked(this.#source.chainId() ?? '') : null;
    if (ancestors !== null) {
      if (!(body instanceof Uint8Array)) await body[Symbol.asyncIterator]().return?.();
      return problem(409, { code: 'FORKED', ancestors });
    }
    if (path === '/stream' && !(body instanceof Uint8Array))
      return { ...response, body: lie.events(body, signal) };
    const documents = JSON.parse((await textOf(body)).toString()) as object[];
    const bent = documents.flatMap((document) => lie.documents(JSON.stringify(document)));
    return { ...response, body: Buffer.from(`[${bent.join(',')}]`) };
  }

  #start(): SyncServer {
    return createSyncServer({ source: this.#source, onError: this.#onError });
  }
}

/** An answer that is a failure. */
export function problem(
  status: number,
  members: object,
  headers: Readonly<Record<string, string>> = {},
): EndpointResponse {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: Buffer.from(JSON.stringify({ title: 'Failure', status, ...members })),
  };
}

async function textOf(body: Body): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
