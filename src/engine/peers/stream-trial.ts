import type { WireItem } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import { onAbort, sleep, throwIfAborted } from '../../internal/abort.js';
import { LinkedAbort } from '../../internal/linked-abort.js';
import type { EngineSettings } from '../engine-parts.js';
import type { EventHub } from '../events/event-hub.js';
import type { PeerRecord } from './peer-record.js';

/** What taking note of mute streams works with. */
export interface MuteDeps {
  readonly settings: Pick<EngineSettings, 'limits'>;
  readonly hub: Pick<EventHub, 'warn'>;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
}

/** What trying streams works with. */
export interface TrialDeps extends MuteDeps {
  /** Asks the peer for what is new, as a stream. */
  open(signal: AbortSignal): AsyncIterable<readonly WireItem[]>;
}

/** A stream of a peer was mute; of the second in a row a warning tells. */
export function noteMute({ settings, hub, now }: MuteDeps, record: PeerRecord): void {
  const wasKnown = record.line.at === 'buffered';
  record.line = record.line.muted(now(), settings.limits.streamRetryMs);
  if (record.line.at !== 'buffered' || wasKnown) return;
  const minutes = Math.round(settings.limits.streamRetryMs / 60_000);
  const message =
    `Something on the way holds back the streams of ${record.peer.url}, as a proxy that buffers responses. ` +
    'Switch that off for /stream (nginx: `proxy_buffering off`, or let `X-Accel-Buffering` through). ' +
    `Ranges bring new blocks as they are made; the stream is tried again every ${minutes} minutes.`;
  hub.warn('STREAM_BUFFERED', message);
}

/**
 * Tries a stream each time that one is due, while the blocks come another way. Resolves when one gets through.
 *
 * @throws SyncError once the signal fires
 */
export async function streamsAgain(deps: TrialDeps, record: PeerRecord, signal: AbortSignal): Promise<void> {
  for (let isThrough = false; !isThrough; isThrough = await tryStream(deps, record, signal))
    await sleep(untilDueMs(deps, record), signal);
}

/** Of a peer that has no stream for now, nothing has been tried yet. */
function untilDueMs({ settings, now }: TrialDeps, { line }: PeerRecord): number {
  return line.at === 'clear' ? settings.limits.streamRetryMs : Math.max(0, line.retryAtMs - now());
}

/** @returns whether it has sent something */
async function tryStream(deps: TrialDeps, record: PeerRecord, signal: AbortSignal): Promise<boolean> {
  const { settings, now } = deps;
  const outcome = await outcomeOf(deps, signal);
  const { line } = record;
  if (outcome === 'mute') noteMute(deps, record);
  else if (line.at !== 'clear')
    record.line = outcome === 'passed' ? line.passed() : line.untold(now(), settings.limits.streamRetryMs);
  return outcome === 'passed';
}

async function outcomeOf(deps: TrialDeps, signal: AbortSignal): Promise<'passed' | 'mute' | 'untold'> {
  const abort = new LinkedAbort(signal);
  const items = deps.open(abort.signal)[Symbol.asyncIterator]();
  try {
    const first = await items.next();
    return first.done === true ? 'untold' : 'passed';
  } catch (error) {
    throwIfAborted(signal);
    return isSyncError(error, 'STREAM_BUFFERED') ? 'mute' : 'untold';
  } finally {
    abort.release();
    abort.abort();
    await items.return?.();
  }
}

/** What a peer sends until a signal fires, as if it had ended in good order. */
export async function* until<T>(
  over: AbortSignal,
  open: (signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const abort = new LinkedAbort(signal);
  const stopListening = onAbort(over, () => {
    abort.abort();
  });
  try {
    yield* open(abort.signal);
  } catch (error) {
    if (!over.aborted || signal.aborted) throw error;
  } finally {
    stopListening();
    abort.release();
  }
}
