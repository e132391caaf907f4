import type {
  BlockSource,
  Closeable,
  Endpoint,
  EndpointRequest,
  EndpointResponse,
  ServerLimits,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { problemResponse, publicError } from './problem.js';
import { statusDocument, statusResponse } from './status.js';
import { StreamSlots } from './stream-slots.js';

/** A request with the address that it came from. */
export interface ServerRequest extends EndpointRequest {
  /** Address that stream limits are counted by. */
  readonly clientAddress: string;
}

/** Parts of a {@link SyncServer}. */
export interface SyncServerOptions {
  readonly source: BlockSource;
  readonly endpoints: readonly Endpoint[];
  readonly limits: ServerLimits;
  /** Called with failures that clients are told nothing of. Must not throw. */
  readonly onError: (error: unknown) => void;
}

const METHODS: readonly string[] = ['GET', 'HEAD'];
const STATUS_PATH = '/status';

/** Answers the requests of protocol section 2, whatever framework received them. */
export class SyncServer implements Closeable {
  readonly #options: SyncServerOptions;
  readonly #routes = new Map<string, Endpoint>();
  readonly #slots: StreamSlots;
  readonly #connections = new Set<AbortController>();

  constructor(options: SyncServerOptions) {
    this.#options = options;
    this.#slots = new StreamSlots(options.limits);
    for (const endpoint of options.endpoints)
      for (const path of endpoint.paths) this.#routes.set(path, endpoint);
  }

  /** Bounds of this server. */
  get limits(): ServerLimits {
    return this.#options.limits;
  }

  /**
   * Begins a connection: its controller is aborted when the server is closed. The caller aborts it when the client
   * goes away, and calls `disconnect` when the response has ended.
   */
  connect(): AbortController {
    const controller = new AbortController();
    this.#connections.add(controller);
    return controller;
  }

  /** Ends a connection. */
  disconnect(controller: AbortController): void {
    this.#connections.delete(controller);
  }

  /** The status document (protocol section 2.1). */
  status(): object {
    return statusDocument(this.#options);
  }

  /** Whether there is something at a path below the mount point. */
  has(path: string): boolean {
    return path === STATUS_PATH || this.#routes.has(path);
  }

  /**
   * Answers a request. Never rejects: failures are problem documents.
   *
   * @param signal - fires when the client has gone away or the server is closed.
   */
  async handle(request: ServerRequest, signal: AbortSignal): Promise<EndpointResponse> {
    try {
      return await this.#route(request, signal);
    } catch (error) {
      const shown = publicError(error);
      if (shown.code === 'INTERNAL' && !signal.aborted) this.#options.onError(error);
      const headers: Record<string, string> =
        shown.code === 'METHOD_NOT_ALLOWED' ? { allow: METHODS.join(', ') } : {};
      return problemResponse(shown, headers);
    }
  }

  /** Ends every stream. */
  close(): Promise<void> {
    for (const controller of this.#connections)
      controller.abort(new SyncError('ABORTED', 'The server was closed.'));
    return Promise.resolve();
  }

  async #route(request: ServerRequest, signal: AbortSignal): Promise<EndpointResponse> {
    const endpoint = this.#routes.get(request.path);
    if (!this.has(request.path)) throw new SyncError('NOT_FOUND', 'There is nothing at this path.');
    if (!METHODS.includes(request.method)) {
      throw new SyncError('METHOD_NOT_ALLOWED', `This path takes ${METHODS.join(' and ')}.`);
    }
    if (endpoint === undefined) return statusResponse(this.#options);
    if (!endpoint.streams || request.method === 'HEAD') return endpoint.handle(request, { signal });
    return this.#stream(endpoint, request, signal);
  }

  async #stream(endpoint: Endpoint, request: ServerRequest, signal: AbortSignal): Promise<EndpointResponse> {
    const release = this.#slots.take(request.clientAddress);
    try {
      const response = await endpoint.handle(request, { signal });
      if (response.body === null || response.body instanceof Uint8Array) {
        release();
        return response;
      }
      return { ...response, body: releasing(response.body, release, signal) };
    } catch (error) {
      release();
      throw error;
    }
  }
}

/** The place is given back when the body ends, is returned, throws, or when the client was gone before it began. */
async function* releasing(
  body: AsyncIterable<Uint8Array>,
  release: () => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    if (!signal.aborted) yield* body;
  } finally {
    release();
  }
}
