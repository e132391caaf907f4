import { Command, Option } from 'commander';
import type { Chain } from '../../chain/chain.js';
import { PluginResolver } from '../../di/resolve.js';
import { ProgressMeter } from '../../engine/events/progress.js';
import { verifyChain } from '../../chain/verify-chain.js';
import { UsageError } from '../exit.js';
import { OPTION, type StoreOptions, storePlan } from '../options.js';
import { readingStore } from '../open-to-read.js';
import { chainSummary, provedText, storeText } from '../chain-summary.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { throttled } from '../throttle.js';
import { countText } from '../units.js';

const EXAMPLES = `
Reads every block and checks it again from the bytes up: checksum, encoding, form, hash and the link to the block
before. The first bad one is named, and the exit status is 1. So is a block that is not the one of a --checkpoint.
What the chain's rules prove of each block is told at the end; the rest, nothing has shown.
With --producer the newest block has to be signed by one of them, which vouches for all before it; with --signatures
too, each block has to be.

Examples:
  $ blockferry verify --data ./node-a
  $ blockferry verify --data ./node-a --checkpoint 5000:4f0c…
  $ blockferry verify --data ./node-a --producer 03ab… --signatures
  $ blockferry verify --data ./node-a --json`;

interface VerifyOptions extends StoreOptions {
  readonly signatures?: boolean;
  readonly json?: boolean;
}

/** `blockferry verify`. */
export function command(): Command {
  return new Command('verify')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.checkpoint())
    .addOption(OPTION.producer())
    .addOption(new Option('--signatures', "check the signature of each block, by --producer's keys"))
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: VerifyOptions) => runCommand(options, (context) => verify(options, context)));
}

async function verify(options: VerifyOptions, context: CommandContext): Promise<void> {
  const { producer, signatures = false } = options;
  if (signatures && producer === undefined) throw new UsageError('--signatures needs --producer.');
  const { signal } = context;
  await readingStore(options, { command: 'verify', signal, needsRules: true }, (chain) =>
    check(chain, options, context),
  );
}

async function check(
  chain: Chain,
  options: VerifyOptions,
  { out, signal, conclude }: CommandContext,
): Promise<void> {
  const { signatures = false, chainOptions } = options;
  const { plugins } = storePlan(options, false);
  const rules = await new PluginResolver(plugins, chainOptions).rules(chain.chain);
  const meter = new ProgressMeter(() => performance.now());
  meter.place(null, chain.tip().head?.height ?? null);
  const tell = (): void => {
    out.emit({ type: 'progress', ...meter.sample() });
  };
  const tellSometimes = throttled(tell);
  for await (const { height, blocks, bytes } of verifyChain(chain, rules, { signal, signatures })) {
    meter.add(blocks, bytes, height);
    tellSometimes();
  }
  tell();
  const { blocks } = meter.current();
  const held = chainSummary(chain);
  const { proves, authorship } = chain;
  conclude({ blocks, proves, authorship, ...held }, [
    `Verified ${countText(blocks, 'block')}; ${storeText(held.head)}.`,
    provedText(proves, authorship),
  ]);
}
