import { once } from 'node:events';
import { createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { request as sendSecurely } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Closeable } from '../../contracts/index.js';
import type { FaultOptions, PeerFault } from './fault.js';
import { SENDERS, sendWhole } from './senders.js';

/** A line to a peer on which things go wrong when they are told to. */
export interface FaultInjector extends Closeable {
  /** The peer's address by way of this line: on a free port of 127.0.0.1, with the path of the peer's own. */
  readonly url: string;
  /** What was asked for, in order: `GET /sync/status`. */
  readonly requests: readonly string[];
  /** Has requests from now on go wrong. Of several faults that fit a request, the one that was told first is done. */
  inject(fault: PeerFault, options?: FaultOptions): void;
  /** Lets everything through again. What is under way goes on as it was begun. */
  clear(): void;
  /** Cuts off all that is open, and resolves when it is. */
  close(): Promise<void>;
  /** Closes it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface Rule {
  readonly fault: PeerFault;
  readonly on: RegExp | null;
  left: number;
}

/**
 * Starts a line to a peer, for tests of how a node takes faults. Nothing goes wrong on it before {@link FaultInjector.inject}.
 *
 * @param url - address of the peer.
 * @throws TypeError for what is no URL
 */
export async function faultInjector(url: string): Promise<FaultInjector> {
  const { origin, pathname } = new URL(url);
  let rules: Rule[] = [];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method = 'GET', url: target = '/' } = request;
    requests.push(`${method} ${target}`);
    const rule = rules.find(({ on, left }) => left > 0 && on?.test(target) !== false);
    if (rule !== undefined) rule.left -= 1;
    pass(request, response, origin, rule?.fault ?? null);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: pathname === '/' ? here : here + pathname,
    requests,
    inject: (fault, { on = null, times = Infinity }: { on?: RegExp | null; times?: number } = {}) => {
      rules.push({ fault, on, left: times });
    },
    clear: () => {
      rules = [];
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function pass(
  request: IncomingMessage,
  response: ServerResponse,
  origin: string,
  fault: PeerFault | null,
): void {
  const url = new URL(request.url ?? '/', fault?.kind === 'fork' ? fault.origin : origin);
  const headers = { ...request.headers, host: url.host };
  // One that compresses asks for what it can compress.
  if (fault?.kind === 'compress') delete headers['accept-encoding'];
  const options = { method: request.method, headers };
  const onward = (url.protocol === 'https:' ? sendSecurely : send)(url, options, (answer) => {
    answer.on('error', () => response.destroy());
    if (fault === null) sendWhole(answer, response);
    // The table has a function of the right kind for each word.
    else
      (SENDERS[fault.kind] as (...args: [IncomingMessage, ServerResponse, PeerFault]) => void)(
        answer,
        response,
        fault,
      );
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  onward.end();
}
