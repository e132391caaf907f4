import { Command, Option } from 'commander';
import type { Chain } from '../../chain/chain.js';
import type { ChainConfig } from '../../config/types.js';
import type { StorageView } from '../../contracts/index.js';
import { openPlanned } from '../../open-chain.js';
import { storeText } from '../chain-summary.js';
import { UsageError } from '../exit.js';
import { copyBlocks } from '../migrate/copy-chain.js';
import { filled, OPTION, type StoreOptions, storePlan } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { stateConfig } from '../state-module.js';
import { storeUrl } from '../store-url.js';
import { countText } from '../units.js';

const EXAMPLES = `
A place is a directory, or postgres://user@host/database?store=main, whose tables are made when they are missing. Every
block is checked as it is when it comes from a peer, and the state is computed anew by --state. The same command goes on
where an earlier one was stopped. The old store is only read; what is final in it is final in the new one.

Examples:
  $ blockferry migrate --from ./node-a --to 'postgres://node@db/chain?store=main'
  $ blockferry migrate --from 'postgres://node@db/chain?store=main' --to ./node-b --state ./ledger.js
  $ blockferry migrate --from ./node-a --to postgres://node@db/chain --cursor indexer`;

type Place = Pick<StoreOptions, 'data' | 'store'>;

interface MigrateOptions extends Pick<StoreOptions, 'chain' | 'chainOptions'> {
  readonly from: Place;
  readonly to: Place;
  readonly cursor?: readonly string[];
  readonly chain?: string;
  readonly chainOptions?: object;
  readonly state?: string;
  readonly maxBlockBytes: number;
  readonly json?: boolean;
}

/** `blockferry migrate`. */
export function command(): Command {
  return new Command('migrate')
    .addOption(new Option('--from <place>', 'store to copy').argParser(placeOf).makeOptionMandatory())
    .addOption(new Option('--to <place>', 'store to copy to').argParser(placeOf).makeOptionMandatory())
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.state())
    .addOption(
      new Option(
        '--cursor <name>',
        'position of a consumer to copy at the end; may be given several times',
      ).argParser((name: string, before?: readonly string[]) => [...(before ?? []), filled(name)]),
    )
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: MigrateOptions) => runCommand(options, (context) => migrate(options, context)));
}

function placeOf(text: string): Place {
  return text.startsWith('postgres') && text.includes('://') ? { store: text } : { data: filled(text) };
}

async function migrate(options: MigrateOptions, context: CommandContext): Promise<void> {
  // What the command was told wrongly is known before anything is opened.
  const transition = await stateConfig(options.state);
  storePlan({ ...options.to, ...rulesOf(options), maxBlockBytes: options.maxBlockBytes }, true, transition);
  const source = await openPlanned(storePlan({ ...options.from, ...rulesOf(options) }, false), {
    onlyReads: true,
    needsRules: true,
  });
  try {
    const view = await source.view();
    try {
      await copy({ source, view, transition }, options, context);
    } finally {
      await view.close();
    }
  } finally {
    await source.close();
  }
}

/** The rules of both stores. */
function rulesOf({ chain, chainOptions }: MigrateOptions): Pick<StoreOptions, 'chain' | 'chainOptions'> {
  return {
    ...(chain === undefined ? {} : { chain }),
    ...(chainOptions === undefined ? {} : { chainOptions }),
  };
}

/** The store that is copied, and how its state is computed. */
interface Old {
  readonly source: Chain;
  readonly view: StorageView;
  readonly transition: Pick<ChainConfig, 'stateTransition'>;
}

async function copy(old: Old, options: MigrateOptions, context: CommandContext): Promise<void> {
  const { source, view } = old;
  await checkCopyable(view, options);
  const { to, maxBlockBytes, cursor = [] } = options;
  await makeTables(to);
  const { head: last, confirmed } = view.checkpoint;
  const confirmsVerified = confirmed?.hash === last?.hash;
  const plan = targetPlan(old, options);
  const target = await openPlanned({ ...plan, settings: { ...plan.settings, confirmsVerified } });
  try {
    const blocks = await copyBlocks({ source, view, target, maxBlockBytes }, context);
    if (!confirmsVerified && confirmed !== null) await target.confirm(confirmed);
    // The new store has the tiles of the old one before it is used: they follow from the blocks.
    await target.tilesMade();
    for (const name of cursor) {
      const ref = await source.cursor(name);
      if (ref !== null) await target.setCursor(name, ref);
    }
    const { base, head } = target.tip();
    context.conclude({ blocks, base, head }, `Copied ${countText(blocks, 'block')}; ${storeText(head)}.`);
  } finally {
    await target.close();
  }
}

/** What the copy is opened with: the rules, name, base and final block of the store that is copied. */
function targetPlan(
  { source, view, transition }: Old,
  options: MigrateOptions,
): ReturnType<typeof storePlan> {
  const { to, maxBlockBytes } = options;
  const { base, finalized } = view.checkpoint;
  const final = finalized?.height ?? null;
  const chainId = source.chainId();
  const place = { ...to, chain: source.chain, ...rulesOf(options), base, maxBlockBytes };
  return storePlan({ ...place, ...(chainId === null ? {} : { chainId }) }, true, {
    ...transition,
    finality: ({ height }) => (final === null ? null : Math.min(final, height)),
  });
}

/** A copy says of all its blocks that they were checked from the first one on, and computes the state from that. */
async function checkCopyable(view: StorageView, { state }: MigrateOptions): Promise<void> {
  const { assumed } = view.checkpoint;
  if (assumed !== null)
    throw new UsageError(
      `The store came in a snapshot up to block ${assumed.height}, which a copy could not say; fill the new one with \`sync\` and --trust.`,
    );
  if (state !== undefined) return;
  for (const table of ['accounts', 'contracts'] as const)
    for await (const entries of view.entries(table))
      if (entries.length > 0) throw new UsageError('The store has a state; --state says how it is computed.');
}

async function makeTables({ store }: Place): Promise<void> {
  if (store === undefined) return;
  const { createPostgresStore } = await import('../../../plugins/storage-postgres/index.js');
  const { url, schema } = storeUrl(store);
  await createPostgresStore({ url, schema });
}
