import type { BlockSource } from '../../../src/contracts/index.js';
import { sleep } from '../../../src/internal/abort.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import { BuildTurn } from './build-turn.js';
import type { SnapshotKind, SnapshotSettings } from './options.js';
import type { ArchivedSnapshot } from './shelved.js';
import type { SnapshotSupply } from './supply.js';

/** What is made, and again and again. */
export interface ScheduleParts {
  readonly source: BlockSource;
  readonly supply: SnapshotSupply;
  readonly kinds: readonly SnapshotKind[];
  readonly settings: Pick<SnapshotSettings, 'directory' | 'every' | 'refreshAfterMs' | 'isCatchingUp'>;
}

/** After a failed build nothing is tried for so long, in milliseconds: each new block would try again. */
const PAUSE_MS = 60_000;
/** It is looked at least so often whether one is due: another process may have removed what there was. */
const LOOK_MS = 60_000;

/** While another process makes one, it is looked so often whether it is there, in milliseconds. */
const TURN_MS = 1_000;

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
  const turn = new BuildTurn(parts.settings.directory);
  let dueInMs = Infinity;
  for (;;) {
    await changedOrDue(changed, dueInMs, signal);
    dueInMs = Infinity;
    let hasFailed = false;
    for (const kind of parts.kinds) {
      try {
        dueInMs = Math.min(dueInMs, await buildIfDue(parts, kind, { beganAtMs, turn }, signal));
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

interface Run {
  readonly beganAtMs: number;
  readonly turn: BuildTurn;
}

/** @returns milliseconds until it is to be looked at again; `Infinity` while only new blocks make it due */
async function buildIfDue(
  parts: ScheduleParts,
  kind: SnapshotKind,
  { beganAtMs, turn }: Run,
  signal: AbortSignal,
): Promise<number> {
  const early = await dueKindIn(parts, kind, beganAtMs);
  if (early > 0) return early;
  const giveBack = await turn.take();
  if (giveBack === null) return TURN_MS;
  try {
    // Whose turn it was before may have made it.
    const inMs = await dueKindIn(parts, kind, beganAtMs);
    if (inMs > 0) return inMs;
    await parts.supply.build(kind, signal);
    return Infinity;
  } finally {
    await giveBack();
  }
}

async function dueKindIn(parts: ScheduleParts, kind: SnapshotKind, beganAtMs: number): Promise<number> {
  if (parts.source.tip().head === null) return Infinity;
  const last = await parts.supply.current(kind);
  if (last === null && (await parts.supply.isAhead(kind))) return TURN_MS;
  return last === null ? firstIn(parts, beganAtMs) : dueIn(parts, last);
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
