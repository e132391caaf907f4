import type { Peer, TransportDeps } from '../../../src/contracts/index.js';
import { openExchange } from '../../../src/internal/http/exchange.js';
import { letGo } from '../../../src/internal/let-go.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import type { StreamName } from './stream-names.js';

/** Header of a response whose stream has a lease, in milliseconds. */
const LEASE_HEADER = 'x-stream-lease-ms';
/** A shorter lease counts as this one: no server makes a client ask without end. */
const MIN_LEASE_MS = 3_000;
/** Times that a name is renewed while its lease lasts. */
const RENEWALS = 3;
/** Each time is shorter by up to this part of it, so that those who began together don't stay together. */
const JITTER = 0.25;
/** Answers that say nothing about the name: a limit, and failures of the server or of what is before it. */
const BUSY = 429;
const FIRST_SERVER_ERROR = 500;

/** How long a stream may go without a renewal, in milliseconds; `null` when its server has no leases. */
export function leaseOf(headers: Pick<Headers, 'get'>): number | null {
  const text = headers.get(LEASE_HEADER) ?? '';
  return /^[1-9][0-9]{0,9}$/.test(text) ? Math.max(MIN_LEASE_MS, Number(text)) : null;
}

/**
 * Tells a server again and again that the client of a stream is there. What becomes of that never ends the stream, and
 * none of it keeps the process alive.
 */
export class Renewals {
  readonly #deps: TransportDeps;
  readonly #peer: Peer;
  readonly #name: StreamName;
  readonly #everyMs: number;
  readonly #stopped = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: TransportDeps, peer: Peer, name: StreamName, leaseMs: number) {
    this.#deps = deps;
    this.#peer = peer;
    this.#name = name;
    this.#everyMs = leaseMs / RENEWALS;
    this.#wait();
  }

  /** The stream is over. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  #wait(): void {
    if (this.#stopped.signal.aborted || this.#name.isUseless) return;
    const waitMs = this.#everyMs * (1 - Math.random() * JITTER);
    this.#timer = setTimeout(() => {
      void this.#renew().then(() => {
        this.#wait();
      });
    }, waitMs);
    letGo(this.#timer);
  }

  async #renew(): Promise<void> {
    const attempt = new LinkedAbort(this.#stopped.signal);
    // By then the next one is due.
    const timer = setTimeout(() => {
      attempt.abort();
    }, this.#everyMs);
    letGo(timer);
    const target = `/stream?client=${this.#name.value}`;
    try {
      const request = { method: 'HEAD', peer: this.#peer, target, headers: {} } as const;
      const exchange = await openExchange(this.#deps, request, attempt.signal);
      const { status } = exchange.response;
      exchange.close();
      if (status === 204) this.#name.arrived();
      else if (status !== BUSY && status < FIRST_SERVER_ERROR) this.#name.unknown();
    } catch {
      // The stream shows by itself whether the line is there.
    } finally {
      clearTimeout(timer);
      attempt.release();
    }
  }
}
