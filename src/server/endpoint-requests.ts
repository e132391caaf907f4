import type { Endpoint, EndpointHandleOptions, EndpointResponse, ServerLimits } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { AnswerReport } from './answer-report.js';
import { ClientSlots } from './client-slots.js';
import type { ServerEvent } from './events.js';
import { type Lease, NamedStreams } from './named-streams.js';
import { type OpenRequest, OpenRequests } from './open-requests.js';
import { closingError, withoutBody } from './refusal.js';
import type { ServerTally } from './server-tally.js';
import { keyOf, type SyncRequest } from './sync-request.js';

/** How a request is counted, and what its answer is called. */
interface Way extends Pick<Endpoint, 'name' | 'codecs'> {
  /** Whether it takes the place of a stream. */
  readonly isStream: boolean;
}

/** One that may wait for its answer is a stream as far as places go, and has a name of its own. */
function wayOf(endpoint: Endpoint, request: SyncRequest): Way {
  const { name, codecs, streams } = endpoint;
  const waits = request.method !== 'HEAD' && endpoint.waits?.(request) === true;
  return waits ? { name: 'poll', codecs, isStream: true } : { name, codecs, isStream: streams };
}

/** What requests to endpoints have in common. */
export interface EndpointRequestsOptions {
  readonly limits: ServerLimits;
  readonly tally: ServerTally;
  /** Called with what happens; `null` where nobody listens. */
  readonly onEvent: ((event: ServerEvent) => void) | null;
  /** Called with failures that the client is told nothing about. */
  readonly report: (error: unknown) => void;
}

/** The requests that endpoints answer: the places that they take, the names of their streams, and how they end. */
export class EndpointRequests {
  readonly #options: EndpointRequestsOptions;
  readonly #streams: ClientSlots;
  readonly #answers: ClientSlots;
  readonly #named: NamedStreams;
  readonly #open = new OpenRequests();
  #isClosing = false;

  constructor(options: EndpointRequestsOptions) {
    this.#options = options;
    const { maxStreams: max, maxStreamsPerAddress, maxAnswersPerClient, streamLeaseMs } = options.limits;
    this.#streams = new ClientSlots({ what: 'streams', max, maxPerClient: maxStreamsPerAddress });
    this.#answers = new ClientSlots({ what: 'answers', max, maxPerClient: maxAnswersPerClient });
    this.#named = new NamedStreams(streamLeaseMs);
  }

  /** Streams open now. */
  get openStreams(): number {
    return this.#streams.open;
  }

  /** Has an endpoint answer, within what its client may have open. @throws SyncError */
  async ask(endpoint: Endpoint, request: SyncRequest, signal: AbortSignal): Promise<EndpointResponse> {
    const named = endpoint.streamName?.(request) ?? null;
    if (named?.renews === true) return this.#renew(named.name);
    // Before it is counted: a client gets its place back that the server holds for a line that is gone.
    if (named !== null) this.#named.end(named.name);
    const way = wayOf(endpoint, request);
    const report = new AnswerReport(way, request, this.#options.tally, this.#options.onEvent);
    const freePlace = this.#place(way.isStream, request);
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

  /** Ends all that have no end of their own, and the others once `graceMs` (milliseconds) are over. */
  async stop(graceMs: number): Promise<void> {
    this.#isClosing = true;
    await this.#open.stop(graceMs);
  }

  /** What a client is told of a failure. One that has not gone away is to come again, as whoever asks a moment later is. */
  #failure(cause: unknown, open: OpenRequest, signal: AbortSignal): unknown {
    if (!open.signal.aborted || signal.aborted) return cause;
    if (this.#isClosing) return closingError(cause);
    const options = { retryAfterMs: 5_000, cause };
    return new SyncError('SERVER_BUSY', 'A newer request has the name of this stream.', options);
  }

  /** @returns what gives the place back that a request takes */
  #place(isStream: boolean, request: SyncRequest): () => void {
    if (request.method === 'HEAD') return () => undefined;
    const { maxStreams, maxAnswers } = request.principal ?? {};
    const key = keyOf(request);
    return isStream ? this.#streams.take(key, maxStreams) : this.#answers.take(key, maxAnswers);
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
      onError: this.#options.report,
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
    return { 'x-stream-lease-ms': String(this.#options.limits.streamLeaseMs) };
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
