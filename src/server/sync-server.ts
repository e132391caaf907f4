import type {
  BlockSource,
  CachePolicy,
  CodecRegistry,
  CodecWorkers,
  Endpoint,
  EndpointHandleOptions,
  EndpointResponse,
  ServerLimits,
} from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { Access } from './access/access.js';
import type { Authorize } from './access/types.js';
import { AnswerReport } from './answer-report.js';
import { ClientSlots } from './client-slots.js';
import type { ServerEvent } from './events.js';
import { type MetricsPage, METRICS_PATH, metricsResponse } from './metrics-page.js';
import { type Lease, NamedStreams } from './named-streams.js';
import { readOptions } from '../internal/options/index.js';
import { CLOSE_SERVER_OPTIONS, type CloseServerOptions } from './close-options.js';
import { type OpenRequest, OpenRequests } from './open-requests.js';
import { notFound, problemResponse } from './problem.js';
import { alive, HEALTH_PATH, ready, READY_PATH } from './probes/answer.js';
import { Readiness } from './probes/readiness.js';
import { Routes } from './routes.js';
import { ServerTally } from './server-tally.js';
import { refuseMethod, withHints, withoutBody } from './refusal.js';
import { keyOf, type SyncRequest } from './sync-request.js';
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
}

/** A closing server waits so long for reads under way. */
const READ_WAIT_MS = 5_000;

/** The server half of the sync protocol, made out of a source and endpoints (protocol section 2). */
export class SyncServerCore implements SyncServer {
  readonly limits: ServerLimits;
  readonly tally: ServerTally;
  readonly #options: SyncServerOptions;
  readonly #routes: Routes;
  readonly #streams: ClientSlots;
  readonly #answers: ClientSlots;
  readonly #named: NamedStreams;
  readonly #open = new OpenRequests();
  readonly #readiness: Readiness;
  /** `null` where everybody may read. */
  readonly #access: Access | null;
  readonly #stopMetrics: () => void;
  #closing: Promise<void> | null = null;

  constructor(options: SyncServerOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.tally = options.tally ?? new ServerTally();
    const { metrics = null, authorize = null } = options;
    const { maxStreams: max, maxStreamsPerAddress, maxAnswersPerClient } = options.limits;
    this.#streams = new ClientSlots({ what: 'streams', max, maxPerClient: maxStreamsPerAddress });
    this.#answers = new ClientSlots({ what: 'answers', max, maxPerClient: maxAnswersPerClient });
    this.#named = new NamedStreams(options.limits.streamLeaseMs);
    this.#access = authorize === null ? null : new Access(authorize);
    this.#readiness = options.readiness ?? new Readiness(options.source, null);
    this.#routes = new Routes(options.endpoints, metrics === null ? [] : [METRICS_PATH]);
    this.#stopMetrics = metrics?.watchServer(this, options.source) ?? (() => undefined);
  }

  get openStreams(): number {
    return this.#streams.open;
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
    try {
      return await this.#answer(request, signal);
    } catch (error) {
      const response = problemResponse(error, (failure) => {
        if (!signal.aborted) this.report(failure);
      });
      this.#refused(request, error, response);
      return withoutBody(request, withHints(error, response, this.#options.challenge ?? 'Bearer'));
    }
  }

  #refused(
    { method, path, clientKey: client }: SyncRequest,
    error: unknown,
    { status }: EndpointResponse,
  ): void {
    const code = isSyncError(error) ? error.code : 'INTERNAL';
    this.tally.refusals.add(code);
    this.#options.onEvent?.({ type: 'refused', method, path, status, code, client });
  }

  async close(options: CloseServerOptions = {}): Promise<void> {
    const { graceMs } = readOptions('close', options, CLOSE_SERVER_OPTIONS);
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    this.#readiness.close();
    this.#stopMetrics();
    await this.#open.stop(graceMs);
    const closing = this.#options.endpoints.map(async (endpoint) => {
      await endpoint.close?.();
    });
    for (const result of await Promise.allSettled(closing))
      if (result.status === 'rejected') this.report(result.reason);
    await this.#options.workers.close();
    if ((await this.#options.idle?.(READ_WAIT_MS)) === false) {
      this.report(new SyncError('INTERNAL', `A read of the source did not end within ${READ_WAIT_MS} ms.`));
    }
  }

  #answer(request: SyncRequest, signal: AbortSignal): Promise<EndpointResponse> | EndpointResponse {
    if (!this.serves(request.path)) throw notFound();
    refuseMethod(request.method);
    const probe = this.#probe(request.path);
    if (probe !== null) return probe.then((response) => withoutBody(request, response));
    if (this.#closing !== null) throw closingError();
    if (this.#access === null) return this.#give(request, signal);
    return this.#access
      .principal(request, signal)
      .then((principal) => this.#give({ ...request, principal }, signal));
  }

  /** Answers whoever may read. */
  #give(request: SyncRequest, signal: AbortSignal): Promise<EndpointResponse> | EndpointResponse {
    // It may have begun while the host found out who asks.
    if (this.#closing !== null) throw closingError();
    const { metrics = null } = this.#options;
    if (metrics !== null && request.path === METRICS_PATH)
      return metricsResponse(metrics).then((response) => withoutBody(request, response));
    const endpoint = this.#routes.endpoint(request.path);
    if (endpoint !== null) return this.#ask(endpoint, request, signal);
    return this.#tellStatus(request);
  }

  /** Answered by a server that closes too: who asks has to know. @returns `null` for a path that is no probe's */
  #probe(path: string): Promise<EndpointResponse> | null {
    if (path === HEALTH_PATH) return Promise.resolve(alive());
    if (path !== READY_PATH) return null;
    return this.#closing === null ? this.#readiness.reason().then(ready) : Promise.resolve(ready('closing'));
  }

  /** At once where no endpoint has to look first. */
  #tellStatus(request: SyncRequest): Promise<EndpointResponse> | EndpointResponse {
    const { endpoints, cache } = this.#options;
    const looks = endpoints.flatMap((endpoint) => endpoint.refresh?.() ?? []);
    const tell = (): EndpointResponse => withoutBody(request, statusResponse(this.status(), cache));
    return looks.length === 0 ? tell() : Promise.all(looks).then(tell);
  }

  async #ask(endpoint: Endpoint, request: SyncRequest, signal: AbortSignal): Promise<EndpointResponse> {
    const named = endpoint.streamName?.(request) ?? null;
    if (named?.renews === true) return this.#renew(named.name);
    // Before it is counted: a client gets its place back that the server holds for a line that is gone.
    if (named !== null) this.#named.end(named.name);
    const report = new AnswerReport(endpoint, request, this.tally, this.#options.onEvent ?? null);
    const freePlace = this.#place(endpoint, request);
    const open = this.#open.add(signal, () => {
      freePlace();
      report.end();
    });
    try {
      return await this.#begin(endpoint, request, { open, report, name: named?.name ?? null });
    } catch (error) {
      open.end();
      throw this.#failure(error, open, signal);
    }
  }

  /** What a client is told of a failure. One that has not gone away is to come again, as whoever asks a moment later is. */
  #failure(cause: unknown, open: OpenRequest, signal: AbortSignal): unknown {
    if (!open.signal.aborted || signal.aborted) return cause;
    if (this.#closing !== null) return closingError(cause);
    const options = { retryAfterMs: 5_000, cause };
    return new SyncError('SERVER_BUSY', 'A newer request has the name of this stream.', options);
  }

  /** @returns what gives the place back that a request takes */
  #place({ streams }: Endpoint, request: SyncRequest): () => void {
    if (request.method === 'HEAD') return () => undefined;
    const { maxStreams, maxAnswers } = request.principal ?? {};
    const key = keyOf(request);
    return streams ? this.#streams.take(key, maxStreams) : this.#answers.take(key, maxAnswers);
  }

  async #begin(
    endpoint: Endpoint,
    request: SyncRequest,
    { open, report, name }: Begun,
  ): Promise<EndpointResponse> {
    const lease = name === null ? null : this.#lease(name, open);
    const options: EndpointHandleOptions = {
      signal: open.signal,
      clientKey: keyOf(request),
      onHeights: (from, to) => {
        report.gives(from, to);
      },
      onError: (error) => {
        this.report(error);
      },
      ...(lease === null ? {} : { expired: lease.expired }),
    };
    const response = withoutBody(request, await endpoint.handle(request, options));
    report.begin(response, endpoint.streams);
    const { body } = response;
    if (body === null || body instanceof Uint8Array) {
      open.end();
      return response;
    }
    const headers = lease === null ? response.headers : { ...response.headers, ...this.#leaseHeader };
    return { ...response, headers, body: open.sending(body, { isWhole: !endpoint.streams, sent: report }) };
  }

  /** Protocol section 2.2. */
  get #leaseHeader(): Readonly<Record<string, string>> {
    return { 'x-stream-lease-ms': String(this.limits.streamLeaseMs) };
  }

  #renew(name: string): EndpointResponse {
    if (!this.#named.renew(name)) throw new SyncError('NOT_FOUND', 'There is no stream of this name here.');
    return { status: 204, headers: { 'cache-control': 'no-store', ...this.#leaseHeader }, body: null };
  }

  #lease(name: string, open: OpenRequest): Lease {
    const end = (): void => {
      // The place first: what is left of the stream may hang at a client that is gone.
      open.end();
      open.stop();
    };
    const { lease, letGo } = this.#named.hold(name, end);
    open.named(letGo);
    return lease;
  }
}

/** A request that an endpoint is answering. */
interface Begun {
  readonly open: OpenRequest;
  readonly report: AnswerReport;
  /** That its client gives the stream; `null` for none. */
  readonly name: string | null;
}

function closingError(cause?: unknown): SyncError {
  return new SyncError('SERVER_BUSY', 'The server is closing.', { retryAfterMs: 5_000, cause });
}
