import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { openStore } from '../../chain/open-store.js';
import type { StorageTiles, Tile } from '../../contracts/index.js';
import { assembleChain } from '../../di/assemble.js';
import { PluginResolver } from '../../di/resolve.js';
import { ProgressMeter } from '../../engine/events/progress.js';
import { chainSummary, storeText } from '../chain-summary.js';
import { OPTION, type StoreOptions, storePlan } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { countText } from '../units.js';

const EXAMPLES = `
Turns the settled blocks of a store into tiles, as every command does in the background that has a store open. It can
be stopped and goes on where it was. Versions without tiles can't open the store afterwards: export with this version,
and import with the other, is the way back.

Examples:
  $ blockferry upgrade --data ./node-a
  $ blockferry upgrade --data ./node-a --json`;

/** How often progress is looked for, in milliseconds. */
const LOOK_MS = 250;

interface UpgradeOptions extends StoreOptions {
  readonly json?: boolean;
}

/** `blockferry upgrade`. */
export function command(): Command {
  return new Command('upgrade')
    .addOption(OPTION.data())
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: UpgradeOptions) => runCommand(options, (context) => upgrade(options, context)));
}

async function upgrade(options: UpgradeOptions, { out, signal, conclude }: CommandContext): Promise<void> {
  const plan = storePlan(options, false);
  const parts = await assembleChain(plan);
  const chain = await openStore(parts, plan.settings);
  const meter = new ProgressMeter(() => performance.now());
  try {
    const { tiles } = parts.storage;
    if (tiles === undefined) return;
    const rules = await new PluginResolver(plan.plugins, plan.chainOptions).rules(chain.chain);
    const { base, head } = chain.tip();
    meter.place(null, head?.height ?? null);
    // Opening the chain said what is settled; this only waits.
    const work = { isDone: false };
    const done = tiles.settle(-1, { isDigested: rules.covers !== 'document' }).finally(() => {
      work.isDone = true;
    });
    done.catch(() => undefined);
    const count = new TileCount(tiles, base);
    for (let isLast = false; !isLast;) {
      await Promise.race([done, wait(LOOK_MS, undefined, { signal, ref: false })]);
      isLast = work.isDone;
      for (const { from, to, bytes } of await count.more()) meter.add(to - from + 1, bytes, to);
      out.emit({ type: 'progress', ...meter.sample() });
    }
    await done;
    const text = `${countText(count.tiles, 'tile')} with ${countText(meter.current().blocks, 'block')}`;
    conclude({ tiles: count.tiles, ...chainSummary(chain) }, `The store has ${text}; ${storeText(head)}.`);
  } finally {
    await chain.close();
  }
}

/** Counts the tiles of a store while they become more. */
class TileCount {
  readonly #source: StorageTiles;
  #next: number;
  #tiles = 0;

  constructor(source: StorageTiles, base: number) {
    this.#source = source;
    this.#next = base;
  }

  get tiles(): number {
    return this.#tiles;
  }

  /** The tiles that have come. */
  async more(): Promise<readonly Tile[]> {
    const found = await this.#source.list({ from: this.#next, to: Number.MAX_SAFE_INTEGER });
    this.#tiles += found.length;
    this.#next = (found.at(-1)?.to ?? this.#next - 1) + 1;
    return found;
  }
}
