import type { Chain } from '../../chain/chain.js';
import { isSyncError } from '../../errors/index.js';
import { WakeUp } from '../../internal/wake-up.js';
import type { Reporter } from '../reporter.js';
import { warn } from './front.js';

/** Tells which role a process has of those that stand by to write a store. */
export function tellRoles(chain: Chain, out: Reporter): void {
  if (!chain.standsBy) return;
  out.emit({ type: 'role', role: chain.role });
  chain.watchRole((role) => {
    out.emit({ type: 'role', role });
  });
}

/**
 * Writes what comes for as long as this process is the writer of the store, and takes nothing while it is not. What was
 * being written when another process took over is lost, and a warning.
 */
export async function asWriter<T>(
  chain: Chain,
  input: AsyncIterable<T>,
  { signal, out }: { readonly signal: AbortSignal; readonly out: Reporter },
  write: (input: AsyncIterable<T>) => Promise<void>,
): Promise<void> {
  const all = input[Symbol.asyncIterator]();
  // Whoever stops taking does not end it.
  const rest: AsyncIterable<T> = { [Symbol.asyncIterator]: () => ({ next: () => all.next() }) };
  try {
    for (;;) {
      await untilWriter(chain, signal);
      try {
        await write(rest);
        return;
      } catch (error) {
        if (signal.aborted || chain.role === 'writer' || !chain.standsBy || !isSyncError(error)) throw error;
        warn(out, error);
      }
    }
  } finally {
    await all.return?.();
  }
}

async function untilWriter(chain: Chain, signal: AbortSignal): Promise<void> {
  const wake = new WakeUp();
  const stop = chain.watchRole(() => {
    wake.notify();
  });
  try {
    while (chain.standsBy && chain.role === 'reader') await wake.wait(signal);
  } finally {
    stop();
  }
}
