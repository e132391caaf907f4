import { Command, Option } from 'commander';
import type { Pruned } from '../../chain/prune.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { openPlanned } from '../../open-chain.js';
import { UsageError } from '../exit.js';
import { numberOf, OPTION, type StoreOptions, storePlan, wholeNumber } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { countText } from '../units.js';
import { integer } from '../../internal/options/index.js';

const EXAMPLES = `
Drops the oldest blocks of a store for good: all but the newest N, or all below a height. Never one that is not settled
(final, or 64 blocks below the newest), and always whole tiles: what stays begins at a multiple of 1,024.
The state and the positions of consumers stay. What was copied elsewhere, as a backup, a snapshot or another node,
still has the blocks. It can be stopped; the same command goes on.

A directory that another process has open is pruned by that process: chain.prune() in its program.

Examples:
  $ blockferry prune --data ./node-a --keep 100000 --dry-run
  $ blockferry prune --data ./node-a --before 2000000
  $ blockferry prune --store 'postgres://node@db/chain?store=main' --keep 100000`;

interface PruneCommandOptions extends Pick<StoreOptions, 'data' | 'store'> {
  readonly keep?: number;
  readonly before?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `blockferry prune`. */
export function command(): Command {
  return new Command('prune')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(
      new Option('--keep <n>', 'newest blocks that stay at least').argParser(numberOf(integer({ min: 1 }))),
    )
    .addOption(
      new Option('--before <height>', 'height below which blocks go')
        .argParser(wholeNumber)
        .conflicts('keep'),
    )
    .addOption(new Option('--dry-run', 'say what would go, and change nothing'))
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: PruneCommandOptions) => runCommand(options, (context) => prune(options, context)));
}

async function prune(options: PruneCommandOptions, { conclude }: CommandContext): Promise<void> {
  const { keep, before, dryRun = false } = options;
  if (keep === undefined && before === undefined) throw new UsageError('Give --keep or --before.');
  const place = options.store === undefined ? options : { ...options, role: 'writer' as const };
  // What a block has in it is of no matter here.
  const chain = await openPlanned(storePlan(place, false), { onlyReads: true }).catch((error: unknown) => {
    throw isSyncError(error, 'STORE_LOCKED') ? inUse(error) : error;
  });
  try {
    const pruned = await chain.prune({ keep, before, dryRun });
    conclude({ ...pruned, dryRun, head: chain.tip().head }, textOf(pruned, dryRun));
  } finally {
    await chain.close();
  }
}

function inUse(cause: SyncError): SyncError {
  const message = `${cause.message} The process that has it open can prune it: chain.prune().`;
  return new SyncError('STORE_LOCKED', message, { cause });
}

function textOf({ from, base, blocks, settled }: Pruned, dryRun: boolean): string {
  if (blocks === 0)
    return `Nothing to drop: the store begins at block ${from}, and ${settled === null ? 'no block is settled' : `block ${settled} is the newest that is settled`}.`;
  const what = `${countText(blocks, 'block')}, ${from} to ${base - 1}`;
  return dryRun
    ? `Would drop ${what}; the store would begin at block ${base}.`
    : `Dropped ${what}; the store begins at block ${base}.`;
}
