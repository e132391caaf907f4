import { Argument, Command, Option } from 'commander';
import type { Chain } from '../../chain/chain.js';
import type { ChainRulesPlugin } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { escapedAsJson } from '../../errors/printable.js';
import { UsageError } from '../exit.js';
import { readingStore } from '../open-to-read.js';
import { OPTION, wholeNumber } from '../options.js';
import { writeLines } from '../output.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
The line is the block byte for byte as it was submitted, and goes to standard output; everything else goes to standard error.
With --pretty it is made for reading: its bytes are no longer those that the hash is of.

Examples:
  $ blockferry get 100 --data ./node-a
  $ blockferry get --data ./node-a --pretty`;

interface GetOptions {
  readonly data: string;
  readonly chain?: string | ChainRulesPlugin;
  readonly pretty?: boolean;
}

/** `blockferry get`. */
export function command(): Command {
  return new Command('get')
    .addArgument(new Argument('[height]', 'height of the block (default: the newest)').argParser(wholeNumber))
    .addOption(OPTION.data())
    .addOption(OPTION.chain())
    .addOption(new Option('--pretty', 'indent it'))
    .addHelpText('after', EXAMPLES)
    .action((height: number | undefined, options: GetOptions) =>
      runCommand({ dataOnStdout: true }, (context) => get(height, options, context)),
    );
}

async function get(
  wanted: number | undefined,
  { data, pretty = false, ...more }: GetOptions,
  { signal }: CommandContext,
): Promise<void> {
  await readingStore({ data, ...more }, { command: 'get', signal }, async (chain) => {
    const document = await documentAt(chain, wanted);
    await writeLines(only(pretty ? indented(document) : document), null, signal);
  });
}

async function documentAt(chain: Chain, wanted: number | undefined): Promise<Uint8Array> {
  const { base, head } = chain.tip();
  if (head === null) throw new UsageError('The store has no block yet.');
  const height = wanted ?? head.height;
  if (height < base)
    throw new SyncError('BELOW_BASE', `The oldest block of the store is ${base}.`, { height, base });
  const block = await chain.get(height);
  if (block === null) throw new UsageError(`The newest block of the store is ${head.height}.`);
  return block.bytes;
}

/** A terminal is to show what is in it, and not to obey it. */
function indented(document: Uint8Array): Uint8Array {
  const value: unknown = JSON.parse(Buffer.from(document).toString());
  return Buffer.from(JSON.stringify(value, null, 2).split('\n').map(escapedAsJson).join('\n'));
}

async function* only(document: Uint8Array): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  yield await Promise.resolve([document]);
}
