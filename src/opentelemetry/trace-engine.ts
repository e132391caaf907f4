import { type Attributes, type Span, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { SyncEvent, SyncPhase } from '../engine/events/events.js';
import type { SyncEngine } from '../engine/sync-engine.js';

/** Why a peer was lost is told before the phase changes: so many events from before its begin are in a span. */
const MAX_BEFORE = 4;

/** Nothing is left to catch up with, or nobody does: while it stands by, another process may for days. */
const AT_REST: ReadonlySet<SyncPhase> = new Set<SyncPhase>(['idle', 'standby', 'synced', 'failed', 'closed']);

/**
 * Makes a span `blockferry.catch_up` each time that an engine has something to catch up with: from its start, or the
 * loss of its peer, until it is `synced`, stands by, has failed or is closed. What happens in between is an event of the span: modes,
 * peers, retries, rollbacks, snapshots and warnings. Spans have heights and peers, and nothing of a block's content.
 *
 * @param tracer - of the host's: `trace.getTracer('blockferry')` of `@opentelemetry/api`.
 * @returns what ends it, and the span that is open.
 */
export function traceEngine(engine: SyncEngine, tracer: Tracer): () => void {
  let open: CatchUp | null = null;
  let before: { readonly event: SyncEvent; readonly at: number }[] = [];
  const end = (): void => {
    open?.end(engine);
    open = null;
  };
  const begin = (phase: SyncPhase): void => {
    if (open !== null || AT_REST.has(phase)) return;
    open = new CatchUp(engine, tracer);
    for (const { event, at } of before) open.event(event, at);
    before = [];
  };
  begin(engine.state.phase);
  const subscription = engine.events.subscribe({
    next(event) {
      if (event.type === 'phase') begin(event.phase);
      if (open !== null) open.event(event);
      else if (isLoss(event)) before = [...before, { event, at: Date.now() }].slice(-MAX_BEFORE);
      if (event.type === 'phase' && AT_REST.has(event.phase)) end();
    },
    complete: end,
  });
  return () => {
    subscription.unsubscribe();
    end();
  };
}

/** The span of one time of catching up. */
class CatchUp {
  readonly #span: Span;
  readonly #blocks: number;

  constructor(engine: SyncEngine, tracer: Tracer) {
    const { checkpoint, progress } = engine.state;
    this.#blocks = progress.blocks;
    this.#span = tracer.startSpan('blockferry.catch_up', {
      attributes: known({ 'blockferry.height.start': checkpoint?.head?.height }),
    });
  }

  /** @param at - when it came, in milliseconds since 1970. */
  event(event: SyncEvent, at = Date.now()): void {
    const attributes = attributesOf(event);
    if (attributes !== null) this.#span.addEvent(`blockferry.${event.type}`, known(attributes), at);
  }

  end({ state }: SyncEngine): void {
    const { checkpoint, progress, mode, peer, error, phase } = state;
    this.#span.setAttributes(
      known({
        'blockferry.height.end': checkpoint?.head?.height,
        'blockferry.blocks': progress.blocks - this.#blocks,
        'blockferry.peer_height': progress.head,
        'blockferry.mode': mode,
        'blockferry.peer': peer,
        'blockferry.phase': phase,
        'error.type': error?.code,
      }),
    );
    if (error !== null) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    this.#span.end();
  }
}

function isLoss(event: SyncEvent): boolean {
  return event.type === 'retry' || (event.type === 'peer' && event.error !== null);
}

type Told = Readonly<Record<string, string | number | null | undefined>>;

/** What a span has of an event; `null` for those that are too many, or are in the span itself. */
function attributesOf(event: SyncEvent): Told | null {
  switch (event.type) {
    case 'phase':
      return { phase: event.phase };
    case 'mode':
      return { mode: event.mode, peer: event.peer };
    case 'peer':
      return { status: event.status, peer: event.peer, 'error.type': event.error?.code };
    case 'retry':
      return { peer: event.peer, 'error.type': event.error.code, delay_ms: event.delayMs };
    case 'rollback':
      return { height: event.to.height, blocks: event.dropped.length };
    case 'snapshot':
      return event.status === 'progress' ? null : { status: event.status, height: event.height };
    case 'warning':
      return { 'error.type': event.code };
    default:
      return null;
  }
}

function known(attributes: Told): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(
      (entry): entry is [string, string | number] => entry[1] !== null && entry[1] !== undefined,
    ),
  );
}
