import type { EndpointResponse } from '../contracts/index.js';
import { onAbort, throwIfAborted } from '../internal/abort.js';
import { Access } from '../server/access/access.js';
import type { Authorize } from '../server/access/types.js';
import { ClientSlots } from '../server/client-slots.js';
import { admit, refuseBody } from '../server/http1-bounds.js';
import { DEFAULT_SERVER_LIMITS } from '../server/limits.js';
import { type NodeExchange, requestOf } from '../server/node.js';
import { notFound, problemResponse } from '../server/problem.js';
import { closingError, refuseMethod, withHints, withoutBody } from '../server/refusal.js';
import { breakOff, sendResponse } from '../server/send.js';
import { keyOf, type SyncRequest } from '../server/sync-request.js';
import { errorsPage } from './errors-page.js';
import { DashboardFeed } from './feed.js';
import { inspectedBlock } from './inspected-block.js';
import { dashboardPage, type Page } from './page-file.js';
import { refuseOtherSites } from './same-site.js';
import { DashboardStreams } from './streams.js';
import type { WatchedNode, WatchedServer } from './watched.js';

/** Pages that are live at once; more of them ask from time to time. Of one client fewer than a browser connects with. */
const STREAMS = { what: 'streams', max: 16, maxPerClient: 4 };
/** Blocks that are read, or not yet taken by who looks: a page asks for one after the other. */
const BLOCKS = { what: 'blocks', max: 8, maxPerClient: 2 };
/** A client that takes nothing of an answer is cut off after this time. */
const WRITE_STALL_MS = 30_000;
/** So long is an answer to those that ask good for others. */
const SAME_STATE_MS = 500;
const BLOCK_PATH = '/blocks/';
/** What people go to, from wherever they are; the rest is for the page. */
const PAGES: Readonly<Record<string, () => Promise<Page>>> = { '/': dashboardPage, '/errors': errorsPage };

/** Settings of a dashboard. */
export interface DashboardSettings {
  /** Says who asks; `null` shows it to everybody. */
  readonly authorize: Authorize | null;
  /** `WWW-Authenticate` of answers to those whom nobody knows. */
  readonly challenge: string;
  /** Called with failures that clients are told nothing about. */
  readonly onError: (error: unknown) => void;
}

/** The page, what feeds it, and the blocks that are looked at on it. */
export class Dashboard {
  readonly #settings: DashboardSettings;
  /** `null` where everybody may look. */
  readonly #access: Access | null;
  readonly #streamSlots = new ClientSlots(STREAMS);
  readonly #blockSlots = new ClientSlots(BLOCKS);
  readonly #streams: DashboardStreams;
  readonly #feed: DashboardFeed;
  #state = { text: '', atMs: -Infinity };
  #isClosed = false;

  constructor(settings: DashboardSettings) {
    this.#settings = settings;
    this.#access = settings.authorize === null ? null : new Access(settings.authorize, DEFAULT_SERVER_LIMITS);
    const text = (which: 'all' | 'newest'): string =>
      JSON.stringify(this.#feed.document(this.#streams.open, which));
    this.#streams = new DashboardStreams({ all: () => text('all'), newest: () => text('newest') });
    this.#feed = new DashboardFeed(() => {
      this.#streams.changed();
    });
  }

  /** Shows a node in place of the one before. */
  watch(node: WatchedNode): void {
    if (!this.#isClosed) this.#feed.watch(node);
  }

  /** Shows what a server hands on; `null` for none. */
  serve(server: WatchedServer | null): void {
    this.#feed.serve(server);
  }

  /** Ends all streams and removes every listener; later requests are answered 503. */
  close(): void {
    this.#isClosed = true;
    this.#streams.close();
    this.#feed.close();
  }

  /** Whether there is something at a path below the mount point. */
  serves(path: string): boolean {
    return ['', '/', '/state', '/events', '/errors'].includes(path) || path.startsWith(BLOCK_PATH);
  }

  /** Answers one request; never rejects. */
  async handle(exchange: NodeExchange): Promise<void> {
    const { req, res } = exchange;
    if (!admit(req, res)) return;
    const gone = new AbortController();
    res.once('close', () => {
      gone.abort();
    });
    try {
      const response = await this.#answer(exchange, gone.signal);
      if (response === null) return;
      refuseBody(req, res);
      await sendResponse(res, response, { writeStallMs: WRITE_STALL_MS });
    } catch (error) {
      if (!gone.signal.aborted) this.#settings.onError(error);
      breakOff(res);
    }
  }

  /** @returns `null` where a stream has begun */
  async #answer(exchange: NodeExchange, signal: AbortSignal): Promise<EndpointResponse | null> {
    const method = exchange.req.method ?? 'GET';
    try {
      const response = await this.#give(await this.#admitted(exchange, signal), exchange, signal);
      return response === null ? null : withoutBody({ method }, response);
    } catch (error) {
      const response = problemResponse(error, (failure) => {
        if (!signal.aborted) this.#settings.onError(failure);
      });
      return withoutBody({ method }, withHints(error, response, this.#settings.challenge));
    }
  }

  /** Looks who asks, for what, and from where, before anything is read. */
  async #admitted({ target, ...rest }: NodeExchange, signal: AbortSignal): Promise<SyncRequest> {
    const path = target.path === '' ? '/' : target.path;
    const request = requestOf({ ...rest, target: { ...target, path } });
    refuseMethod(request.method);
    if (!(path in PAGES)) refuseOtherSites(request);
    this.#refuseIfClosed();
    if (this.#access === null) return request;
    const principal = await this.#access.principal(request, signal);
    // Both may have happened while the host found out who asks.
    throwIfAborted(signal);
    this.#refuseIfClosed();
    return { ...request, principal };
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw closingError();
  }

  async #give(
    request: SyncRequest,
    { res }: NodeExchange,
    signal: AbortSignal,
  ): Promise<EndpointResponse | null> {
    const { path, method } = request;
    const page = PAGES[path];
    if (page !== undefined) return pageResponse(await page());
    if (path === '/state') return ok({ 'content-type': 'application/json' }, this.#stateBody());
    if (path.startsWith(BLOCK_PATH)) return this.#block(request, signal);
    if (path !== '/events') throw notFound();
    this.#takePlace(this.#streamSlots, request, signal);
    if (method === 'HEAD')
      return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: null };
    this.#streams.begin(res);
    return null;
  }

  /** Until the answer is over, for which its client decides when. */
  #takePlace(slots: ClientSlots, request: SyncRequest, signal: AbortSignal): void {
    onAbort(signal, slots.take(keyOf(request)));
  }

  /** Asked for by many at once, it is made once. */
  #stateBody(): Buffer {
    const now = performance.now();
    if (now - this.#state.atMs >= SAME_STATE_MS)
      this.#state = { text: JSON.stringify(this.#feed.document(this.#streams.open, 'all')), atMs: now };
    return Buffer.from(this.#state.text);
  }

  async #block(request: SyncRequest, signal: AbortSignal): Promise<EndpointResponse> {
    this.#takePlace(this.#blockSlots, request, signal);
    const { headers, document } = await inspectedBlock(
      this.#feed.chain,
      request.path.slice(BLOCK_PATH.length),
    );
    return ok(headers, document);
  }
}

function pageResponse({ html, policy }: Page): EndpointResponse {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
  return ok(headers, html);
}

function ok(headers: Readonly<Record<string, string>>, body: Uint8Array): EndpointResponse {
  const always = {
    'cache-control': 'no-store',
    'cross-origin-resource-policy': 'same-origin',
    'content-length': String(body.byteLength),
  };
  return { status: 200, headers: { ...always, ...headers }, body };
}
