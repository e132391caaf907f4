import type { BlockRef, ChainChange, EndpointDeps } from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { Signal } from '../../src/internal/signal.js';
import { EventWriter } from './event-chunks.js';
import type { StreamParameters } from './parameters.js';
import { formatCompleteEvent, formatErrorEvent, formatRollbackEvent, HEARTBEAT } from './wire.js';

/**
 * The events of one stream, pulled as fast as the client takes them. What goes wrong after the first byte is an
 * `error` event and the end, never a gap.
 */
export async function* streamBody(
  deps: EndpointDeps,
  parameters: StreamParameters,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stream = new BlockStream(deps, parameters);
  try {
    yield* stream.events(signal);
  } catch (error) {
    if (signal.aborted) return;
    const shown = isSyncError(error)
      ? error
      : new SyncError('INTERNAL', 'The server failed.', { cause: error });
    yield formatErrorEvent(shown.code, shown.info.summary);
  } finally {
    stream.close();
  }
}

/** One client's way along the chain: only a position and a wake-up, however far behind the client is. */
class BlockStream {
  readonly #deps: EndpointDeps;
  readonly #parameters: StreamParameters;
  readonly #writer: EventWriter;
  readonly #wake = new Signal();
  readonly #unsubscribe: () => void;
  /** Next height to send. */
  #next: number;
  /** Lowest block that the chain was rolled back to below what was sent; `null` for none. */
  #rollback: BlockRef | null = null;

  constructor(deps: EndpointDeps, parameters: StreamParameters) {
    this.#deps = deps;
    this.#parameters = parameters;
    this.#writer = new EventWriter(deps.codecs, parameters.codec, deps.limits.maxBlockBytes);
    this.#next = parameters.from;
    const onChange = (change: ChainChange): void => {
      this.#onChange(change);
    };
    this.#unsubscribe = parameters.follow ? deps.source.subscribe(onChange) : () => undefined;
  }

  close(): void {
    this.#unsubscribe();
  }

  async *events(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* this.#toHead(signal);
    yield formatCompleteEvent(this.#deps.source.tip().head);
    if (!this.#parameters.follow || this.#isDone()) return;
    for (;;) {
      if (!(await this.#changed(signal))) yield HEARTBEAT;
      yield* this.#toHead(signal);
      if (this.#isDone()) return;
    }
  }

  #onChange(change: ChainChange): void {
    if (change.kind === 'rollback' && change.to.height < this.#next - 1) {
      const lower = this.#rollback === null || change.to.height < this.#rollback.height;
      if (lower) this.#rollback = { height: change.to.height, hash: change.to.hash };
    }
    this.#wake.notify();
  }

  #isDone(): boolean {
    const { to } = this.#parameters;
    return to !== null && this.#next > to;
  }

  async *#toHead(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#rollback !== null) yield this.#takeRollback(this.#rollback);
      const { head } = this.#deps.source.tip();
      const last = Math.min(head?.height ?? -1, this.#parameters.to ?? Infinity);
      if (this.#next > last) return;
      yield* this.#send(this.#next, last, signal);
    }
  }

  async *#send(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const frames of this.#deps.source.read({ from, to }, { signal })) {
      if (this.#rollback !== null) return;
      for (const chunk of this.#writer.chunks(frames)) yield chunk;
      this.#next = (frames.at(-1)?.header.height ?? this.#next - 1) + 1;
    }
    if (this.#next === from && this.#rollback === null)
      throw new SyncError('STORE_DAMAGED', `Block ${from} is missing.`, { height: from });
  }

  #takeRollback(to: BlockRef): Uint8Array {
    this.#rollback = null;
    this.#next = to.height + 1;
    return formatRollbackEvent(to);
  }

  /** Waits for a change; false when a heartbeat is due first. */
  async #changed(signal: AbortSignal): Promise<boolean> {
    const quiet = new AbortController();
    const end = (): void => {
      quiet.abort();
    };
    const timer = setTimeout(end, this.#deps.limits.heartbeatMs);
    signal.addEventListener('abort', end, { once: true });
    try {
      await this.#wake.wait(quiet.signal);
      return true;
    } catch {
      if (signal.aborted) throw new SyncError('ABORTED', 'The client has gone away.');
      return false;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }
}
