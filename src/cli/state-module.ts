import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ChainConfig } from '../config/types.js';
import type { StateTransition } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { UsageError } from './exit.js';

/**
 * The part of a configuration that `--state` stands for; whether it is a state transition is for the plan to say.
 *
 * @param path - of an ES module whose default export is a state transition; without it there is none.
 * @throws SyncError `INPUT_UNREADABLE` when the module can't be loaded
 * @throws UsageError when it has no default export
 */
export async function stateConfig(path: string | undefined): Promise<Pick<ChainConfig, 'stateTransition'>> {
  return { stateTransition: path === undefined ? null : await loadTransition(path) };
}

async function loadTransition(path: string): Promise<StateTransition> {
  const { default: exported } = await load(path);
  // Left out it would stand for no state.
  if (exported !== undefined && exported !== null) return exported as StateTransition;
  throw new UsageError(`--state ${path} has no default export, which has to be the state transition.`);
}

async function load(path: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SyncError('INPUT_UNREADABLE', `Loading the module ${path} failed: ${reason}`, { cause });
  }
}
