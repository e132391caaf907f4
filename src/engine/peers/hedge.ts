import type { Peer, StreamRequest, Transport, WireItem } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { abortError, onAbort, throwIfAborted } from '../../internal/abort.js';

/** One peer that the same thing may be asked of. */
export interface Candidate {
  readonly peer: Peer;
  readonly acceptCodecs: readonly string[];
}

/** How a hedged request is made. */
export interface HedgeOptions {
  readonly transport: Transport;
  /** Best first; the first is asked at once. */
  readonly candidates: readonly Candidate[];
  /** How long nothing may come before the next one is asked as well, in milliseconds. */
  readonly delayMs: number;
  /** Runs when the first answer came, with who sent it. */
  onWinner(peer: Peer): void;
}

/** One of the requests for the same thing, under way. */
interface HedgedRequest {
  readonly peer: Peer;
  readonly controller: AbortController;
  readonly items: AsyncIterator<readonly WireItem[]>;
  readonly first: Promise<Outcome>;
}

type Outcome =
  | { readonly asked: HedgedRequest; readonly result: IteratorResult<readonly WireItem[]> }
  | { readonly asked: HedgedRequest; readonly error: unknown };

/**
 * A transport that asks one peer, and after a short silence another one as well: the first answer wins, the other
 * requests are given up. For answers that should come at once; a long download would be begun twice.
 */
export function hedged(options: HedgeOptions): Transport {
  const { transport } = options;
  return {
    name: transport.name,
    mode: transport.mode,
    supports: transport.supports,
    status: (peer, { signal }) => transport.status(peer, { signal }),
    open: (request, { signal }) => race(options, request, signal),
  };
}

async function* race(
  options: HedgeOptions,
  request: StreamRequest,
  signal: AbortSignal,
): AsyncGenerator<readonly WireItem[], void, undefined> {
  const requests: HedgedRequest[] = [];
  const stopListening = onAbort(signal, () => {
    for (const { controller } of requests) controller.abort(abortError(signal));
  });
  try {
    const { asked, result } = await firstOf(options, request, requests, signal);
    options.onWinner(asked.peer);
    void giveUp(requests.filter((other) => other !== asked));
    if (result.done === true) return;
    yield result.value;
    for (;;) {
      const next = await asked.items.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    stopListening();
    await giveUp(requests);
  }
}

async function firstOf(
  options: HedgeOptions,
  request: StreamRequest,
  requests: HedgedRequest[],
  signal: AbortSignal,
): Promise<Extract<Outcome, { result: unknown }>> {
  const waiting = [...options.candidates];
  const pending = new Map<HedgedRequest, Promise<Outcome>>();
  const askNext = (): void => {
    const candidate = waiting.shift();
    if (candidate === undefined) return;
    const asked = begin(options.transport, { ...request, ...candidate });
    requests.push(asked);
    pending.set(asked, asked.first);
  };
  let failure: unknown = null;
  do {
    throwIfAborted(signal);
    askNext();
    const outcome = await orAfter(pending, waiting.length > 0 ? options.delayMs : null);
    if (outcome === null) continue;
    if (!('error' in outcome)) return outcome;
    if (isFinal(outcome, requests)) throw outcome.error;
    pending.delete(outcome.asked);
    failure ??= outcome.error;
  } while (pending.size > 0 || waiting.length > 0);
  throw failure;
}

/** An answer of the peer that was asked first, only not one that brings blocks: the engine deals with what it says. */
function isFinal(
  { asked, error }: Extract<Outcome, { error: unknown }>,
  requests: readonly HedgedRequest[],
): boolean {
  return isSyncError(error, 'FORKED') && asked === requests[0];
}

/** The first outcome; `null` when none came in time. */
async function orAfter(
  pending: ReadonlyMap<HedgedRequest, Promise<Outcome>>,
  delayMs: number | null,
): Promise<Outcome | null> {
  if (delayMs === null) return Promise.race(pending.values());
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, delayMs, null);
  });
  try {
    return await Promise.race([...pending.values(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function begin(transport: Transport, request: StreamRequest): HedgedRequest {
  const controller = new AbortController();
  const items = transport.open(request, { signal: controller.signal })[Symbol.asyncIterator]();
  const asked: HedgedRequest = {
    peer: request.peer,
    controller,
    items,
    first: items.next().then(
      (result): Outcome => ({ asked, result }),
      (error: unknown): Outcome => ({ asked, error }),
    ),
  };
  return asked;
}

/** Resolves when nothing of the requests is under way any more. */
async function giveUp(requests: readonly HedgedRequest[]): Promise<void> {
  for (const { controller } of requests)
    controller.abort(new SyncError('ABORTED', 'The answer is not needed any more.'));
  await Promise.allSettled(requests.map(async ({ items }) => items.return?.()));
}
