import type { Endpoint, EndpointResponse } from '../contracts/index.js';
import { IDENTITY } from '../internal/http/content-encoding.js';
import type { OpenedEvent, ServerEvent } from './events.js';
import type { ServerTally } from './server-tally.js';
import type { SyncRequest } from './sync-request.js';

type AnsweringEndpoint = Pick<Endpoint, 'name' | 'codecs'>;

/** What one answer was, for those who count, log or keep it. */
export class AnswerReport {
  bytes = 0;
  /** Way and codec. */
  kind = '';
  #first: number | null = null;
  #last = -1;
  readonly #way: string;
  readonly #endpoint: AnsweringEndpoint;
  readonly #request: SyncRequest;
  readonly #tally: ServerTally;
  readonly #onEvent: ((event: ServerEvent) => void) | null;
  readonly #startedMs = performance.now();
  #response: EndpointResponse | null = null;
  #stopCounting = (): void => undefined;

  /** @param onEvent - `null` where nobody listens. */
  constructor(
    endpoint: AnsweringEndpoint,
    request: SyncRequest,
    tally: ServerTally,
    onEvent: ((event: ServerEvent) => void) | null,
  ) {
    this.#way = wayOf(endpoint);
    this.#endpoint = endpoint;
    this.#request = request;
    this.#tally = tally;
    this.#onEvent = onEvent;
  }

  /** The head of the answer is known. */
  begin(response: EndpointResponse, isStream: boolean): void {
    this.#response = response;
    const { status, body } = response;
    this.#tally.answers.add(`${this.#way} ${status}`);
    if (body === null) return;
    const isTile = this.#way === 'tiles' && this.#request.path.endsWith('.ndjson.gz');
    if (isTile) this.#tally.tilesServed += 1;
    this.kind = `${this.#way} ${isTile ? 'gzip' : codecOf(this.#endpoint, this.#request, response)}`;
    this.#stopCounting = this.#tally.begin(this);
    if (body instanceof Uint8Array) this.bytes = body.length;
    else if (isStream) this.#onEvent?.({ type: 'opened', ...this.#facts(response) });
  }

  /** The answer has these heights. */
  gives(from: number, to: number): void {
    if (this.#first === null || from < this.#first) this.#first = from;
    if (to > this.#last) this.#last = to;
  }

  /** The answer is over; more calls than one do no harm. */
  end(): void {
    const response = this.#response;
    this.#response = null;
    this.#stopCounting();
    if (response === null || this.#onEvent === null) return;
    const durationMs = performance.now() - this.#startedMs;
    const heights = this.#first === null ? null : { from: this.#first, to: this.#last };
    this.#onEvent({ type: 'answered', ...this.#facts(response), heights, bytes: this.bytes, durationMs });
  }

  #facts({ status }: EndpointResponse): OpenedEvent {
    const { method, path, query, clientKey, principal } = this.#request;
    const from = query.get('from_height') ?? query.get('from');
    const to = query.get('to_height') ?? query.get('to');
    return {
      way: this.#way,
      method,
      path,
      status,
      client: clientKey,
      principal: principal?.id ?? null,
      from,
      to,
    };
  }
}

const WAYS: Readonly<Record<string, string>> = { sse: 'stream', 'json-range': 'json', tile: 'tiles' };

function wayOf({ name }: Pick<Endpoint, 'name'>): string {
  return WAYS[name] ?? name;
}

/**
 * The coding of the whole body, else that of each block in it. Only names that the endpoint has: a query may hold whatever a
 * stranger likes, and each name is counted for ever.
 */
function codecOf(
  { codecs }: AnsweringEndpoint,
  { query }: SyncRequest,
  { headers }: EndpointResponse,
): string {
  const coding = headers['content-encoding'];
  if (coding !== undefined) return coding;
  const asked = query.get('frames') ?? query.get('codec') ?? IDENTITY;
  return Object.values(codecs).some((names) => names.includes(asked)) ? asked : IDENTITY;
}
