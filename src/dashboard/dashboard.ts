import type { IncomingMessage, ServerResponse } from 'node:http';
import { SyncError } from '../errors/index.js';
import { notFound, problemResponse } from '../server/problem.js';
import type { Target } from '../server/target.js';
import { errorsPage } from './errors-page.js';
import { DashboardFeed } from './feed.js';
import { BlockInspector } from './inspected-block.js';
import { dashboardPage, type Page } from './page-file.js';
import { DashboardStreams } from './streams.js';
import type { WatchedNode, WatchedServer } from './watched.js';

/** Pages that are live at once; more of them ask from time to time. */
const MAX_STREAMS = 16;
/** So long is an answer to those that ask good for others. */
const SAME_STATE_MS = 500;
const BLOCK_PATH = '/blocks/';

/** One request to the dashboard. */
export interface DashboardExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The request target below the mount point. */
  readonly target: Target;
}

/** Settings of a dashboard. */
export interface DashboardSettings {
  /** Called with failures that clients are told nothing about. */
  readonly onError: (error: unknown) => void;
}

/** The page, what feeds it, and the blocks that are looked at on it. */
export class Dashboard {
  readonly #settings: DashboardSettings;
  readonly #inspector = new BlockInspector();
  readonly #streams: DashboardStreams;
  readonly #feed: DashboardFeed;
  #state = { text: '', atMs: -Infinity };
  #isClosed = false;

  constructor(settings: DashboardSettings) {
    this.#settings = settings;
    const text = (which: 'all' | 'newest'): string =>
      JSON.stringify(this.#feed.document(this.#streams.open, which));
    this.#streams = new DashboardStreams(
      { all: () => text('all'), newest: () => text('newest') },
      MAX_STREAMS,
    );
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
  async handle(exchange: DashboardExchange): Promise<void> {
    const { req, res } = exchange;
    try {
      await this.#answer(exchange);
    } catch (error) {
      if (res.headersSent) {
        res.destroy();
        return;
      }
      const { status, headers, body } = problemResponse(error, this.#settings.onError);
      res.writeHead(status, headers).end(req.method === 'HEAD' ? null : body);
    }
  }

  async #answer({ req, res, target: { path } }: DashboardExchange): Promise<void> {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('allow', 'GET, HEAD');
      throw new SyncError('METHOD_NOT_ALLOWED', 'This path takes GET and HEAD only.');
    }
    if (this.#isClosed) throw new SyncError('SERVER_BUSY', 'The server is closing.', { retryAfterMs: 5_000 });
    if (path === '' || path === '/') sendPage(req, res, await dashboardPage());
    else if (path === '/errors') sendPage(req, res, await errorsPage());
    else if (path === '/state') send(req, res, { 'content-type': 'application/json' }, this.#stateText());
    else if (path === '/events') this.#stream(req, res);
    else if (path.startsWith(BLOCK_PATH)) await this.#block(req, res, path.slice(BLOCK_PATH.length));
    else throw notFound();
  }

  /** Asked for by many at once, it is made once. */
  #stateText(): string {
    const now = performance.now();
    if (now - this.#state.atMs >= SAME_STATE_MS)
      this.#state = { text: JSON.stringify(this.#feed.document(this.#streams.open, 'all')), atMs: now };
    return this.#state.text;
  }

  #stream(req: IncomingMessage, res: ServerResponse): void {
    if (this.#streams.isFull) {
      const message = `All ${MAX_STREAMS} streams of the dashboard are taken; \`state\` answers as well.`;
      throw new SyncError('SERVER_BUSY', message, { retryAfterMs: 30_000 });
    }
    if (req.method === 'HEAD') res.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    else this.#streams.begin(res);
  }

  async #block(req: IncomingMessage, res: ServerResponse, height: string): Promise<void> {
    const { headers, document } = await this.#inspector.read(this.#feed.chain, height);
    send(req, res, headers, document);
  }
}

function sendPage(req: IncomingMessage, res: ServerResponse, { html, policy }: Page): void {
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
  send(req, res, headers, html);
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): void {
  const always = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'content-length': String(Buffer.byteLength(body)),
  };
  res.writeHead(200, { ...always, ...headers }).end(req.method === 'HEAD' ? null : body);
}
