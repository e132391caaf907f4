import type { BlockSource } from '../../../src/contracts/index.js';
import { sleep } from '../../../src/internal/abort.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import type { SnapshotKind, SnapshotSettings } from './options.js';
import type { ArchivedSnapshot } from './shelved.js';
import type { SnapshotSupply } from './supply.js';

/** What is made, and again and again. */
export interface ScheduleParts {
  readonly source: BlockSource;
  readonly supply: SnapshotSupply;
  readonly kinds: readonly SnapshotKind[];
  readonly settings: Pick<SnapshotSettings, 'every' | 'refreshAfterMs' | 'isCatchingUp'>;
}

/** After a failed build nothing is tried for so long, in milliseconds: each new block would try again. */
const PAUSE_MS = 60_000;
/** It is looked at least so often whether one is due: another process may have removed what there was. */
const LOOK_MS = 60_000;

/** Makes a snapshot of each kind when there is none, and whenever it is due; returns what ends that. */
export function startSchedule(parts: ScheduleParts): () => Promise<void> {
  const stop = new AbortController();
  const changed = new WakeUp();
  const unsubscribe = parts.source.subscribe(() => {
    changed.notify();
  });
  changed.notify();
  const ended = run(parts, changed, stop.signal).catch(() => undefined);
  return async () => {
    unsubscribe();
    stop.abort();
    await ended;
  };
}

async function run(parts: ScheduleParts, changed: WakeUp, signal: AbortSignal): Promise<never> {
  const beganAtMs = Date.now();
  let dueInMs = Infinity;
  for (;;) {
    await changedOrDue(changed, dueInMs, signal);
    dueInMs = Infinity;
    let hasFailed = false;
    for (const kind of parts.kinds) {
      try {
        dueInMs = Math.min(dueInMs, await buildIfDue(parts, kind, beganAtMs, signal));
      } catch {
        // The build has told of it.
        hasFailed = true;
      }
    }
    if (!hasFailed) continue;
    // The chain need not change for the next try.
    await sleep(PAUSE_MS, signal);
    changed.notify();
  }
}

async function changedOrDue(changed: WakeUp, dueInMs: number, signal: AbortSignal): Promise<void> {
  const notify = (): void => {
    changed.notify();
  };
  const timer = setTimeout(notify, Math.min(dueInMs, LOOK_MS)).unref();
  try {
    await changed.wait(signal);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns milliseconds until it is due by its age; `Infinity` while only new blocks make it due */
async function buildIfDue(
  parts: ScheduleParts,
  kind: SnapshotKind,
  beganAtMs: number,
  signal: AbortSignal,
): Promise<number> {
  const { source, supply } = parts;
  if (source.tip().head === null) return Infinity;
  const last = await supply.current(kind);
  const inMs = last === null ? firstIn(parts, beganAtMs) : dueIn(parts, last);
  if (inMs > 0) return inMs;
  await supply.build(kind, signal);
  return Infinity;
}

/** One of a chain that is only being caught up with is soon of no use. */
function firstIn({ settings }: ScheduleParts, beganAtMs: number): number {
  return settings.isCatchingUp() ? untilAge(settings, beganAtMs) : 0;
}

/** Clients refuse a snapshot of long ago, which may be replayed to keep a node in the past. */
function dueIn({ source, settings }: ScheduleParts, { manifest }: ArchivedSnapshot): number {
  const { every } = settings;
  const grownBy = (source.tip().head?.height ?? 0) - manifest.height;
  if (every !== null && grownBy >= every && !settings.isCatchingUp()) return 0;
  return grownBy <= 0 ? Infinity : untilAge(settings, manifest.timestamp);
}

function untilAge({ refreshAfterMs }: ScheduleParts['settings'], sinceMs: number): number {
  return refreshAfterMs === null ? Infinity : Math.max(0, sinceMs + refreshAfterMs - Date.now());
}
