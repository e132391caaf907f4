import type { BlockSource, SnapshotType } from '../../../src/contracts/index.js';
import { sleep } from '../../../src/internal/abort.js';
import { WakeUp } from '../../../src/internal/wake-up.js';
import type { SnapshotSupply } from './supply.js';

/** What is made again and again. */
export interface ScheduleParts {
  readonly source: BlockSource;
  readonly supply: SnapshotSupply;
  readonly types: readonly SnapshotType[];
  readonly codec: string;
  /** Blocks between two snapshots of a type. */
  readonly every: number;
}

/** After a failed build nothing is tried for so long, in milliseconds: each new block would try again. */
const PAUSE_MS = 60_000;

/** Makes a snapshot of each type whenever the chain has grown far enough; returns what ends that. */
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
  for (;;) {
    await changed.wait(signal);
    try {
      for (const type of parts.types) if (!signal.aborted) await buildIfDue(parts, type);
    } catch {
      // The build has told of it; the chain need not change for the next try.
      await sleep(PAUSE_MS, signal);
      changed.notify();
    }
  }
}

async function buildIfDue(
  { source, supply, every, codec }: ScheduleParts,
  type: SnapshotType,
): Promise<void> {
  const { head } = source.tip();
  if (head === null) return;
  const last = await supply.current({ type, codec });
  if (last === null || head.height - last.manifest.height >= every) await supply.build({ type, codec });
}
