import { Agent } from 'node:http';
import type { Closeable, HttpFetch } from '../contracts/index.js';
import { type Deadlines, sendRequest } from './request.js';

/** An {@link HttpFetch} with the connections that it keeps. */
export interface Http1Client extends Closeable {
  readonly fetch: HttpFetch;
  /** Cuts off all connections. */
  close(): Promise<void>;
}

/**
 * A connection that nothing goes over is closed after this time, in milliseconds: before Node's servers do, which is
 * after 5 s, so that no request meets a connection that is just being closed.
 */
const IDLE_CONNECTION_MS = 4_000;

/**
 * After so long a silence TCP itself asks whether the peer is there, ten times within 10 s, in milliseconds. As long as servers'
 * heartbeats, so that it asks only where those don't come; Node's own 1 s would be a packet a second for each follower.
 */
const PROBE_AFTER_MS = 15_000;

const AGENT = { keepAlive: true, keepAliveMsecs: PROBE_AFTER_MS, timeout: IDLE_CONNECTION_MS };

/**
 * The HTTP/1.1 client of engines that are given none, on `node:http`. Beside the global `fetch` it tells connecting from
 * waiting for an answer, gives decoded bodies in larger pieces, and takes a third less processor time with small blocks.
 */
export function createHttp1Client(deadlines: Deadlines): Http1Client {
  const http = new Agent(AGENT);
  let https: Agent | null = null;
  const agentFor = async ({ protocol }: URL): Promise<Agent> => {
    if (protocol === 'http:') return http;
    const tls = await import('node:https');
    return (https ??= new tls.Agent(AGENT));
  };
  return {
    fetch: async (url, init) => sendRequest(await agentFor(url), url, init, deadlines),
    close: () => {
      http.destroy();
      https?.destroy();
      return Promise.resolve();
    },
  };
}
