import type { BlockSource, EndpointResponse } from '../../src/contracts/index.js';
import { createSyncServer, type SyncServer } from '../../src/server/index.js';
import type { Lie } from './lies.js';
import type { Random } from './random.js';

/** A request as a client has sent it. */
export interface PeerRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
}

type Body = NonNullable<EndpointResponse['body']>;
type Answer = EndpointResponse & { readonly body: Body };
type Status = Record<string, unknown> & { readonly head?: { readonly hash?: string } | null };

/** What a peer is. */
export interface PeerOptions extends Pick<Peer, 'url' | 'lie' | 'isAnchor'> {
  /** What it serves; several are several servers behind one address, which take requests in turns. */
  readonly sources: readonly BlockSource[];
  readonly random: Random;
  readonly onError: (error: unknown) => void;
  /** It has named a block as its head. */
  readonly onNamed: (hash: string, url: string) => void;
}

/** A server of the simulated world. */
export class Peer {
  readonly url: string;
  /** What it lies about; `null` for an honest one. */
  readonly lie: Lie | null;
  /** Whether it is the one that the client can always come back to. */
  readonly isAnchor: boolean;
  readonly #options: PeerOptions;
  #servers: readonly SyncServer[];

  constructor(options: PeerOptions) {
    this.url = options.url;
    this.lie = options.lie;
    this.isAnchor = options.isAnchor;
    this.#options = options;
    this.#servers = this.#start();
  }

  /** Streams that are open on it. */
  get openStreams(): number {
    return this.#servers.reduce((sum, { openStreams }) => sum + openStreams, 0);
  }

  /** The process is started anew. */
  async restart(): Promise<void> {
    const old = this.#servers;
    this.#servers = this.#start();
    for (const server of old) await server.close({ graceMs: 0 });
  }

  async close(): Promise<void> {
    for (const server of this.#servers) await server.close({ graceMs: 0 });
  }

  /** Answers a request in the way of this peer. */
  async answer(request: PeerRequest, signal: AbortSignal): Promise<EndpointResponse> {
    const { method, path, query, headers } = request;
    const server = this.#options.random.pick(this.#servers);
    const response = await server.handle(
      { method, path, query, clientKey: 'client', header: (name) => headers.get(name) },
      { signal },
    );
    const { status, body } = response;
    if (status !== 200 || body === null) return response;
    if (path === '/status') return this.#status({ ...response, body });
    return this.lie === null ? response : this.#bent(this.lie, request, { ...response, body }, signal);
  }

  async #status(response: Answer): Promise<EndpointResponse> {
    const { lie } = this;
    const text = await textOf(response.body);
    const honest = JSON.parse(text.toString()) as Status;
    lie?.served();
    const members: Status = lie === null ? honest : lie.status(honest);
    if (members.head?.hash !== undefined) this.#options.onNamed(members.head.hash, this.url);
    return { ...response, body: lie === null ? text : Buffer.from(JSON.stringify(members)) };
  }

  async #bent(
    lie: Lie,
    { path, query }: PeerRequest,
    response: Answer,
    signal: AbortSignal,
  ): Promise<EndpointResponse> {
    const { body } = response;
    lie.served();
    const ancestors = query.has('parent_hash') ? lie.forked(this.#options.sources[0]?.chainId() ?? '') : null;
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

  #start(): readonly SyncServer[] {
    const { sources, onError } = this.#options;
    return sources.map((source) => createSyncServer({ source, onError }));
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
