import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EndpointResponse } from '../../contracts/index.js';
import { Dashboard } from '../../dashboard/dashboard.js';
import type { WatchedNode } from '../../dashboard/watched.js';
import { namesThisComputer } from '../../dashboard/same-site.js';
import { SyncError } from '../../errors/index.js';
import type { Authorize } from '../../server/access/types.js';
import { nodeListener, type SyncServer } from '../../server/index.js';
import { addressOf } from '../../server/node.js';
import { alive, HEALTH_PATH, ready, READY_PATH } from '../../server/probes/answer.js';
import { notFound, problemResponse } from '../../server/problem.js';
import { splitTarget } from '../../server/target.js';
import { failureOf, UsageError } from '../exit.js';
import type { Reporter } from '../reporter.js';
import { withPasswords } from './token-file.js';

/** What a client waits that comes while no chain is open. */
const RETRY_AFTER_MS = 2_000;
/** Where the dashboard is. */
const UI_PATH = '/sync/ui';
/** After the server has closed, a client that does not take the rest of what it was sent is cut off after this time. */
const LAST_BYTES_MS = 1_000;

/** What browsers are to ask for. */
const UI_CHALLENGE = 'Basic realm="blockferry", charset="UTF-8"';

/** What a front has beside the server. */
export interface FrontOptions {
  /** Whether there is a dashboard. */
  readonly ui?: boolean | undefined;
  /** Says who sees the dashboard, by bearer tokens that a browser sends as passwords; `null` for everybody. */
  readonly authorize?: Authorize | null;
}

/**
 * The open port of a command. While there is nothing to serve, every request is answered 503 with `Retry-After`: to a
 * load balancer that is a node which lives but isn't ready, where a closed port is one that is down.
 */
export class Front {
  readonly #server: Server;
  #listener: RequestListener | null = null;
  #isClosed = false;
  readonly #dashboard: Dashboard | null;
  readonly #isGuarded: boolean;
  /** Whether none but this computer reaches the port. */
  #isLocal = false;
  readonly #answering = new Set<ServerResponse>();
  /** One turn later: a connection is idle when its response has ended. */
  readonly #closeIdle = (): void => {
    setImmediate(() => {
      this.#server.closeIdleConnections();
    });
  };

  /** @param out - is warned of failures of the dashboard that clients are told nothing about. */
  constructor({ ui = false, authorize = null }: FrontOptions, out: Reporter) {
    const onError = (error: unknown): void => {
      warn(out, error);
    };
    this.#isGuarded = authorize !== null;
    const settings = {
      authorize: authorize === null ? null : withPasswords(authorize),
      challenge: UI_CHALLENGE,
      onError,
    };
    this.#dashboard = ui ? new Dashboard(settings) : null;
    this.#server = createServer((req, res) => {
      this.#answering.add(res);
      res.once('close', () => this.#answering.delete(res));
      if (this.#showsUi(req, res)) return;
      if (this.#listener === null) answerNotReady(req.url ?? '', res);
      else this.#listener(req, res);
    });
  }

  /** Answers requests from a server, below `/sync`; `null` for none. */
  serve(server: SyncServer | null): void {
    this.#listener = server === null ? null : nodeListener(server, { path: '/sync' });
    this.#dashboard?.serve(server);
  }

  /** Answers 404 where the dashboard is not: nothing is served. */
  serveNothing(): void {
    this.#listener = (_req, res) => {
      answerProblem(res, notFound());
    };
  }

  /** The dashboard, where there is one, shows a node in place of the one before. */
  watch(node: WatchedNode): void {
    this.#dashboard?.watch(node);
  }

  /** Opens the port. @returns its origin. @throws SyncError `PORT_IN_USE`; UsageError */
  listen(host: string, port: number): Promise<string> {
    this.#isLocal = namesThisComputer(host.includes(':') ? `[${host}]` : host);
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        reject(listenError(error, host, port));
      });
      this.#server.listen(port, host, () => {
        const { port: boundPort } = this.#server.address() as AddressInfo;
        // `close` does nothing to a port that is just being opened.
        if (this.#isClosed) this.#server.close();
        const name = host.includes(':') ? `[${host}]` : host;
        resolve(`http://${name}:${boundPort}`);
      });
    });
  }

  /**
   * Closes the port, also one that was never opened, and what is connected to it: at once what waits for a request, after
   * a second what has not taken the last bytes of its answer.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#dashboard?.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const cutOff = setTimeout(() => {
      this.#server.closeAllConnections();
    }, LAST_BYTES_MS);
    for (const res of this.#answering) res.once('close', this.#closeIdle);
    this.#closeIdle();
    await closed;
    clearTimeout(cutOff);
  }

  #showsUi(req: IncomingMessage, res: ServerResponse): boolean {
    const target = splitTarget(req.url ?? '');
    const path = target.path.startsWith(UI_PATH) ? target.path.slice(UI_PATH.length) : null;
    if (this.#dashboard === null || path === null || !this.#dashboard.serves(path)) return false;
    if (this.#isLocal && !this.#isGuarded && !namesThisComputer(req.headers.host)) answerOtherName(res);
    else void this.#dashboard.handle({ req, res, target: { ...target, path }, clientKey: addressOf(req) });
    return true;
  }
}

/** Tells where a command listens. */
export function tellAddress(out: Reporter, url: string, { ui = false }: Pick<FrontOptions, 'ui'>): void {
  out.emit({ type: 'listening', url });
  if (ui) out.emit({ type: 'step', step: 'ui', text: `The dashboard is at ${url}${UI_PATH}.` });
}

/** Tells of a failure that the command outlives. */
export function warn(out: Reporter, error: unknown): void {
  const { message, height } = failureOf(error);
  out.emit({ type: 'warning', code: 'INTERNAL', message, height });
}

function answerOtherName(res: ServerResponse): void {
  const message =
    'Without tokens, the dashboard is shown under a name of this computer alone, such as localhost.';
  answerProblem(res, new SyncError('FORBIDDEN', message));
}

function answerNotReady(target: string, res: ServerResponse): void {
  const probe = probeAnswer(splitTarget(target).path);
  if (probe !== null) {
    res.writeHead(probe.status, probe.headers).end(probe.body);
    return;
  }
  const message = 'The chain is not known yet; the node waits for its peers.';
  answerProblem(res, new SyncError('SERVER_BUSY', message, { retryAfterMs: RETRY_AFTER_MS }));
}

function answerProblem(res: ServerResponse, error: SyncError): void {
  const { status, headers, body } = problemResponse(error, () => undefined);
  res.writeHead(status, headers).end(body);
}

/** What answers a probe while there is nothing to serve; `null` for other paths. */
function probeAnswer(path: string): EndpointResponse | null {
  if (path === `/sync${HEALTH_PATH}`) return alive();
  return path === `/sync${READY_PATH}` ? ready('opening') : null;
}

function listenError(error: NodeJS.ErrnoException, host: string, wanted: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new SyncError('PORT_IN_USE', `Port ${wanted} of ${host} is taken.`, { cause: error });
  }
  return new UsageError(`Listening at ${host}, port ${wanted}, failed: ${error.message}.`, { cause: error });
}
