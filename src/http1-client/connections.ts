import { Agent } from 'node:http';
import type { TlsSettings } from './options.js';
import { nodeTls } from './tls.js';

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

/** The connections of a client, several for each origin, kept for a while. TLS is loaded when first needed. */
export class Connections {
  readonly #http = new Agent(AGENT);
  readonly #tls: TlsSettings;
  #https: Agent | null = null;

  constructor(tls: TlsSettings) {
    this.#tls = tls;
  }

  /** What opens and keeps connections for URLs like this one. */
  async agentFor({ protocol }: URL): Promise<Agent> {
    if (protocol === 'http:') return this.#http;
    const tls = await import('node:https');
    return (this.#https ??= new tls.Agent({ ...AGENT, ...nodeTls(this.#tls) }));
  }

  /** Cuts off all. */
  close(): void {
    this.#http.destroy();
    this.#https?.destroy();
  }
}
