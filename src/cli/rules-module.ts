import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { CHAIN_FORMS } from '../config/builtin.js';
import type { ChainRulesPlugin } from '../contracts/index.js';
import { isObject } from '../internal/options/index.js';

/**
 * Puts the rules that `--chain` names by a module in the place of its name, before a command runs. Built-in rules stay names.
 *
 * @throws CommanderError for a module that can't be loaded, or that exports no chain rules
 */
export async function loadRules(command: Command): Promise<void> {
  const { chain } = command.opts<{ readonly chain?: unknown }>();
  if (typeof chain !== 'string' || isBuiltIn(chain)) return;
  const address = addressOf(chain);
  // No such package: who reads the option says which rules there are.
  if (address === null) return;
  let exported: unknown;
  try {
    exported = ((await import(address)) as { readonly default?: unknown }).default;
    if (typeof exported === 'function') exported = (exported as () => unknown)();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    command.error(`error: --chain ${chain} could not be loaded: ${reason}`);
  }
  if (!isRules(exported))
    command.error(
      `error: --chain ${chain} has no default export that is a plugin of the kind chain, or a function which makes one`,
    );
  command.setOptionValue('chain', exported);
}

/** What looks like built-in rules is read, or refused, where the others are. */
function isBuiltIn(chain: string): boolean {
  return chain.startsWith('linked:') || Object.values(CHAIN_FORMS).some((form) => form.test(chain));
}

/** A file, by its path from here, or a package of the folder that the command is run in; `null` for neither. */
function addressOf(chain: string): string | null {
  if (/^\.{0,2}[/\\]|\.[cm]?js$/.test(chain)) return pathToFileURL(resolve(chain)).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(chain)).href;
  } catch {
    return null;
  }
}

function isRules(exported: unknown): exported is ChainRulesPlugin {
  return isObject(exported) && exported['kind'] === 'chain' && typeof exported['name'] === 'string';
}
