import type { Chain } from '../chain/chain.js';
import type { StorageRoles } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { LinkedAbort } from '../internal/linked-abort.js';
import { WakeUp } from '../internal/wake-up.js';
import { ChainOpener } from './chain-opener.js';
import { type RunDeps, SyncRun } from './sync-run.js';

/** What standing by works with. */
export interface StandByDeps extends Omit<RunDeps, 'opener'> {
  /** Runs once, when the chain's rules are known and the chain is open. */
  onChain(chain: Chain): void;
}

/**
 * Syncs into a store. While another process writes that, it stands by: what the other one writes shows in the chain, and no
 * peer is asked. When the role is lost, it stands by again.
 *
 * @throws SyncError as {@link SyncRun.run} does
 */
export async function syncAsWriter(deps: StandByDeps, signal: AbortSignal): Promise<void> {
  const { roles } = deps.parts.storage;
  const opener = new ChainOpener(deps);
  if (roles === undefined) {
    await new SyncRun({ ...deps, opener }).run(signal);
    return;
  }
  for (let { greeting } = deps; ; greeting = null) {
    if (roles.now === 'reader') {
      // What a peer said before may be old when it is this one's turn.
      greeting?.cancel();
      greeting = null;
      await standBy(deps, opener, roles, signal);
    }
    if (await runsToEnd(new SyncRun({ ...deps, greeting, opener }), roles, signal)) return;
  }
}

/** Resolves when this process is the writer. */
async function standBy(
  { hub, parts: { storage } }: StandByDeps,
  opener: ChainOpener,
  roles: StorageRoles,
  signal: AbortSignal,
): Promise<void> {
  hub.phase.standby();
  const wake = new WakeUp();
  const notify = (): void => {
    wake.notify();
  };
  const stops = [roles.watch(notify), storage.watch?.(notify)];
  try {
    while (roles.now === 'reader') {
      hub.checkpoint(storage.checkpoint());
      if (opener.isKnown) await opener.open(null);
      await wake.wait(signal);
    }
  } finally {
    for (const stop of stops) stop?.();
  }
}

/** @returns whether the sync is over; `false` when another process has become the writer meanwhile. */
async function runsToEnd(run: SyncRun, roles: StorageRoles, signal: AbortSignal): Promise<boolean> {
  const abort = new LinkedAbort(signal);
  let isLost = roles.now === 'reader';
  const stop = roles.watch(() => {
    isLost = true;
    abort.abort(new SyncError('STORE_LOCKED', 'Another process has become the writer of the store.'));
  });
  try {
    if (!isLost) await run.run(abort.signal);
    return !isLost;
  } catch (error) {
    if (!isLost || signal.aborted) throw error;
    return false;
  } finally {
    stop();
    abort.release();
  }
}
