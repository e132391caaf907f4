import type {
  BlockSource,
  CachePolicy,
  CodecRegistry,
  CodecWorkers,
  Endpoint,
  EndpointResponse,
  ServerLimits,
} from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { Access } from './access/access.js';
import type { Authorize } from './access/types.js';
import { describe } from './descriptions/answer.js';
import { EndpointRequests } from './endpoint-requests.js';
import type { ServerEvent } from './events.js';
import { type MetricsPage, METRICS_PATH, metricsResponse } from './metrics-page.js';
import { readOptions } from '../internal/options/index.js';
import { CLOSE_SERVER_OPTIONS, type CloseServerOptions } from './close-options.js';
import { notFound, problemResponse } from './problem.js';
import { alive, HEALTH_PATH, ready, READY_PATH } from './probes/answer.js';
import { Readiness } from './probes/readiness.js';
import { closingError, refuseMethod, withHints, withoutBody } from './refusal.js';
import { Routes } from './routes.js';
import { ServerTally } from './server-tally.js';
import type { SyncRequest } from './sync-request.js';
import { statusDocument, statusResponse } from './status.js';

/** What a server is made of. */
export interface SyncServerOptions {
  readonly source: BlockSource;
  readonly endpoints: readonly Endpoint[];
  readonly codecs: CodecRegistry;
  readonly limits: ServerLimits;
  readonly cache: CachePolicy;
  /** Says who asks; `null`, the default, lets everybody read. */
  readonly authorize?: Authorize | null | undefined;
  /** `WWW-Authenticate` of answers to those whom nobody knows. Default `Bearer`. */
  readonly challenge?: string | undefined;
  /** Whether the node is ready to serve. Default: when its source can be read. */
  readonly readiness?: Readiness | undefined;
  /** Closed after the endpoints. */
  readonly workers: CodecWorkers;
  /** Resolves when no read of the source is under way; `false` when one still is after that time. Default: at once. */
  readonly idle?: ((withinMs: number) => Promise<boolean>) | undefined;
  /** Called with failures that the client is told nothing about. Must not throw. Default: nothing. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Called with what happens. Must not throw. Default: nothing. */
  readonly onEvent?: ((event: ServerEvent) => void) | undefined;
  /** What is counted. Default: a new one. */
  readonly tally?: ServerTally | undefined;
  /** The page of metrics; `null`, the default, serves none. */
  readonly metrics?: MetricsPage | null | undefined;
}

/** A request that may be refused before it was read. */
export type RefusedRequest = Pick<SyncRequest, 'method' | 'path' | 'clientKey' | 'principal'>;

/** The sync service without any framework. */
export interface SyncServer {
  readonly limits: ServerLimits;
  /** Streams open now. */
  readonly openStreams: number;
  /**
   * What it has done since it was made.
   *
   * @internal
   */
  readonly tally: ServerTally;
  /** Whether a path below the mount point is one of this server's. */
  serves(path: string): boolean;
  /** The status document (protocol section 2.1). */
  status(): object;
  /** Reports a failure that no client can be told of. */
  report(error: unknown): void;
  /**
   * Takes note of a client that was cut off, since it took nothing for too long.
   *
   * @internal
   */
  evicted(request: Pick<SyncRequest, 'path' | 'clientKey'>): void;
  /**
   * Takes note of a request that is refused, and tells its client so.
   *
   * @param signal - fires when the client has gone.
   * @internal
   */
  refuse(request: RefusedRequest, error: unknown, signal: AbortSignal): EndpointResponse;
  /**
   * Answers a request; never rejects. Whoever gets a body that is iterable pulls it to its end or calls `return`.
   *
   * @param options.signal - fires when the client has gone; ends the body.
   */
  handle(request: SyncRequest, options: { readonly signal: AbortSignal }): Promise<EndpointResponse>;
  /**
   * Ends all streams behind an event, lets other answers end within `graceMs`, and refuses further requests; resolves
   * when the endpoints have stopped and nothing reads the source any more. A read that does not end within 5 seconds is
   * reported and left.
   *
   * @throws TypeError for an option that isn't one, and for a `graceMs` that no timer keeps
   */
  close(options?: CloseServerOptions): Promise<void>;
  /** Closes it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A closing server waits so long for reads under way. */
const READ_WAIT_MS = 5_000;

/** The server half of the sync protocol, made out of a source and endpoints (protocol section 2). */
export class SyncServerCore implements SyncServer {
  readonly limits: ServerLimits;
  readonly tally: ServerTally;
  readonly #options: SyncServerOptions;
  readonly #routes: Routes;
  readonly #requests: EndpointRequests;
  readonly #readiness: Readiness;
  /** `null` where everybody may read. */
  readonly #access: Access | null;
  readonly #stopMetrics: () => void;
  #closing: Promise<void> | null = null;

  constructor(options: SyncServerOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.tally = options.tally ?? new ServerTally();
    const { metrics = null, authorize = null, limits, onEvent = null } = options;
    this.#requests = new EndpointRequests({
      limits,
      tally: this.tally,
      onEvent,
      report: (error) => {
        this.report(error);
      },
    });
    this.#access = authorize === null ? null : new Access(authorize, limits);
    this.#readiness = options.readiness ?? new Readiness(options.source, null);
    this.#routes = new Routes(options.endpoints, metrics === null ? [] : [METRICS_PATH]);
    this.#stopMetrics = metrics?.watchServer(this, options.source) ?? (() => undefined);
  }

  get openStreams(): number {
    return this.#requests.openStreams;
  }

  serves(path: string): boolean {
    return this.#routes.has(path);
  }

  status(): object {
    const { source, endpoints, limits } = this.#options;
    return statusDocument(source, endpoints, limits);
  }

  report(error: unknown): void {
    this.#options.onError?.(error);
    this.#options.onEvent?.({ type: 'failed', error });
  }

  evicted({ path, clientKey: client }: Pick<SyncRequest, 'path' | 'clientKey'>): void {
    this.tally.evicted += 1;
    this.#options.onEvent?.({ type: 'evicted', path, client });
  }

  async handle(
    request: SyncRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<EndpointResponse> {
    let asked = request;
    try {
      const probe = this.#open(request);
      if (probe !== null) return withoutBody(request, await probe);
      if (this.#access !== null)
        asked = { ...request, principal: await this.#access.principal(request, signal) };
      return withoutBody(request, await this.#give(asked, signal));
    } catch (error) {
      return this.refuse(asked, error, signal);
    }
  }

  refuse(request: RefusedRequest, error: unknown, signal: AbortSignal): EndpointResponse {
    const response = problemResponse(error, (failure) => {
      if (!signal.aborted) this.report(failure);
    });
    const code = isSyncError(error) ? error.code : 'INTERNAL';
    this.tally.refusals.add(code);
    const { method, path, clientKey: client, principal } = request;
    const { status } = response;
    const who = { client, principal: principal?.id ?? null };
    this.#options.onEvent?.({ type: 'refused', method, path, status, code, ...who });
    return withoutBody(request, withHints(error, response, this.#options.challenge ?? 'Bearer'));
  }

  async close(options: CloseServerOptions = {}): Promise<void> {
    const { graceMs } = readOptions('close', options, CLOSE_SERVER_OPTIONS);
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#readiness.close();
    await this.#requests.stop(graceMs);
    const closing = this.#options.endpoints.map(async (endpoint) => {
      await endpoint.close?.();
    });
    for (const result of await Promise.allSettled(closing))
      if (result.status === 'rejected') this.report(result.reason);
    await this.#options.workers.close();
    if ((await this.#options.idle?.(READ_WAIT_MS)) === false) {
      this.report(new SyncError('INTERNAL', `A read of the source did not end within ${READ_WAIT_MS} ms.`));
    }
    this.#stopMetrics();
  }

  /**
   * What is told to everybody, also by a server that closes: who asks has to know.
   *
   * @returns `null` for a path that is no probe's
   * @throws SyncError `NOT_FOUND`, `METHOD_NOT_ALLOWED`
   */
  #open({ path, method }: SyncRequest): EndpointResponse | Promise<EndpointResponse> | null {
    if (!this.serves(path)) throw notFound();
    refuseMethod(method);
    if (path === HEALTH_PATH) return alive();
    if (path === READY_PATH)
      return this.#closing === null ? this.#readiness.reason().then(ready) : ready('closing');
    if (this.#closing !== null) throw closingError();
    return null;
  }

  /** Answers whoever may read. */
  #give(request: SyncRequest, signal: AbortSignal): Promise<EndpointResponse> | EndpointResponse {
    // It may have begun while the host found out who asks.
    if (this.#closing !== null) throw closingError();
    const { metrics = null } = this.#options;
    if (metrics !== null && request.path === METRICS_PATH) return metricsResponse(metrics, signal);
    const endpoint = this.#routes.endpoint(request.path);
    if (endpoint !== null) return this.#requests.ask(endpoint, request, signal);
    return describe(request, this.#options.cache) ?? this.#tellStatus();
  }

  /** At once where no endpoint has to look first. */
  #tellStatus(): Promise<EndpointResponse> | EndpointResponse {
    const { endpoints, cache } = this.#options;
    const looks = endpoints.flatMap((endpoint) => endpoint.refresh?.() ?? []);
    const tell = (): EndpointResponse => statusResponse(this.status(), cache);
    return looks.length === 0 ? tell() : Promise.all(looks).then(tell);
  }
}
