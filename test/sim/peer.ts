import type { BlockSource, EndpointResponse } from '../../src/contracts/index.js';
import { CHAIN_HEAD } from '../../src/internal/http/chain-head.js';
import { createSyncServer, type SyncServer } from '../../src/server/index.js';
import { saysYes } from './kinds.js';
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
    const served = await server.handle(
      { method, path, query, clientKey: 'client', header: (name) => headers.get(name) },
      { signal },
    );
    const response = method === 'HEAD' ? this.#said(served) : served;
    this.#noteConfirmed(request, response);
    const { status, body } = response;
    const isPart = status === 206 && path.startsWith('/tiles/');
    if (!(status === 200 || isPart) || body === null) return response;
    if (path === '/status') return this.#status({ ...response, body });
    return this.lie === null ? response : this.#bent(this.lie, request, { ...response, body }, signal);
  }

  /** A liar that says yes to whatever is asked does not say which head it is that it answers from. */
  #said(response: EndpointResponse): EndpointResponse {
    if (this.lie === null || !saysYes(this.lie.kind)) return response;
    const headers = Object.entries(response.headers).filter(([name]) => name !== CHAIN_HEAD);
    return { ...response, headers: Object.fromEntries(headers) };
  }

  /** Notes which block it says that it has. */
  #noteConfirmed({ method, query }: PeerRequest, { status, headers }: EndpointResponse): void {
    const hash = query.get('parent_hash');
    if (method !== 'HEAD' || status !== 200 || hash === null) return;
    const head = headers[CHAIN_HEAD];
    // What is above the head that is answered from is not judged.
    if (head === undefined || Number(head) >= Number(query.get('from')) - 1)
      this.#options.onNamed(hash, this.url);
  }

  async #status(response: Answer): Promise<EndpointResponse> {
    const { lie } = this;
    if (lie === null) {
      const head = this.#options.sources[0]?.tip().head ?? null;
      if (head !== null) this.#options.onNamed(head.hash, this.url);
      return response;
    }
    lie.served();
    const honest = JSON.parse((await textOf(response.body)).toString()) as Status;
    const members: Status = lie.status(honest);
    if (members.head?.hash !== undefined) this.#options.onNamed(members.head.hash, this.url);
    return { ...response, body: Buffer.from(JSON.stringify(members)) };
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
    const bend = bendOf(lie, path);
    if (bend === null) return response;
    const bent = bend(await textOf(body));
    const headers = { ...response.headers, 'content-length': String(bent.length) };
    return { ...response, headers, body: bent };
  }

  #start(): readonly SyncServer[] {
    const { sources, onError } = this.#options;
    return sources.map((source) => createSyncServer({ source, onError }));
  }
}

/** What a liar makes of a whole answer; `null` where it makes nothing of it. */
function bendOf(lie: Lie, path: string): ((body: Buffer) => Buffer) | null {
  if (path === '/json') return (body) => bentFrames(lie, body);
  return path.startsWith('/tiles/') ? (body) => lie.file(path, body) : null;
}

/** A range as clients ask for it: each document behind its length in 4 bytes. */
function bentFrames(lie: Lie, body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const length = body.readUInt32BE(at);
    const document = body.subarray(at + 4, at + 4 + length).toString();
    at += 4 + length;
    for (const bent of lie.documents(document)) {
      const bytes = Buffer.from(bent);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(bytes.length);
      pieces.push(head, bytes);
    }
  }
  return Buffer.concat(pieces);
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
