import { Command } from 'commander';
import { openPlanned } from '../../open-chain.js';
import { appendAll } from '../append-lines.js';
import { AppendProgress } from '../append-progress.js';
import { readDocuments } from '../documents.js';
import { HeldBlocks } from '../held-blocks.js';
import { inputName, openInput } from '../input.js';
import { OPTION, type StoreOptions, storePlan } from '../options.js';
import { storeText, chainSummary } from '../chain-summary.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { stateConfig } from '../state-module.js';
import { countText } from '../units.js';

const CHUNK_BYTES = 1024 * 1024;

const EXAMPLES = `
The input has one block a line, or is one JSON array of blocks; gzip and a byte order mark are taken off, and zstd where
Node has it. Each block is stored byte for byte. Every block is verified; at the first bad one the import stops, with
everything before it stored. Run again, it goes on: blocks that the store has are compared and left out. The store
remembers its chain rules. A store that is made with --state needs it whenever blocks are added.

Examples:
  $ blockferry import --data ./node-a blocks.ndjson
  $ blockferry import --data ./eth --chain ethereum mainnet.ndjson.gz
  $ bzcat blocks.ndjson.bz2 | blockferry import --data ./node-b -
  $ blockferry import --data ./ledger --chain linked:height,id,parent --base 1000 ledger.ndjson
  $ blockferry import --data ./node-a --state ./ledger.js blocks.ndjson`;

interface ImportOptions extends StoreOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** `blockferry import`. */
export function command(): Command {
  return new Command('import')
    .argument('<file>', 'file of blocks; - for standard input')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.chainId())
    .addOption(OPTION.base())
    .addOption(OPTION.producer())
    .addOption(OPTION.state())
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((file: string, options: ImportOptions) =>
      runCommand(options, (context) => importFile(file, options, context)),
    );
}

async function importFile(file: string, options: ImportOptions, context: CommandContext): Promise<void> {
  const { out, signal, conclude } = context;
  const plan = storePlan(options, true, await stateConfig(options.state));
  const { maxBlockBytes } = plan.settings.limits;
  const input = openInput(file, CHUNK_BYTES, signal);
  try {
    const chain = await openPlanned(plan);
    const progress = new AppendProgress(out, chain, input.totalBytes);
    const held = new HeldBlocks(chain);
    let isDone = false;
    try {
      const options = { name: inputName(file), maxBytes: maxBlockBytes };
      const lines = readDocuments(progress.count(input.chunks), options);
      await appendAll(chain, held.missing(lines), { progress, maxBlockBytes, signal });
      isDone = true;
    } finally {
      progress.tell();
      const summary = chainSummary(chain);
      const interrupted = signal.aborted && !isDone;
      const there = held.count === 0 ? '' : `, ${countText(held.count, 'block')} were there already`;
      const figures = `${countText(progress.blocks, 'block')}${there}; ${storeText(summary.head)}`;
      const text = interrupted
        ? `Interrupted with ${progress.readText}: imported ${figures}. The lines after that block are not in it.`
        : `Imported ${figures}.`;
      conclude({ blocks: progress.blocks, held: held.count, interrupted, ...summary }, text);
      await chain.close();
    }
  } finally {
    input.close();
  }
}
