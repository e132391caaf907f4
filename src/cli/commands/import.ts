import { Command } from 'commander';
import { openPlanned } from '../../open-chain.js';
import { appendAll } from '../append-lines.js';
import { AppendProgress } from '../append-progress.js';
import { openInput } from '../input.js';
import { readLines } from '../ndjson.js';
import { OPTION, type StoreOptions, storePlan } from '../options.js';
import { storeText, chainSummary } from '../chain-summary.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { stateConfig } from '../state-module.js';
import { countText } from '../units.js';

const CHUNK_BYTES = 1024 * 1024;

const EXAMPLES = `
Each line is one block and is stored byte for byte. Every block is verified; at the first bad one the import stops,
with everything before it stored. The store remembers its chain rules. A store that is made with --state needs it
whenever blocks are added.

Examples:
  $ blockferry import --data ./node-a blocks.ndjson
  $ zcat mainnet.ndjson.gz | blockferry import --data ./eth --chain ethereum -
  $ blockferry import --data ./ledger --chain linked:height,id,parent --base 1000 ledger.ndjson
  $ blockferry import --data ./node-a --state ./ledger.js blocks.ndjson`;

interface ImportOptions extends StoreOptions {
  readonly state?: string;
  readonly json?: boolean;
}

/** `blockferry import`. */
export function command(): Command {
  return new Command('import')
    .argument('<file>', 'NDJSON file, one block a line; - for standard input')
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
    let isDone = false;
    try {
      const lines = readLines(progress.count(input.chunks), maxBlockBytes);
      await appendAll(chain, lines, { progress, maxBlockBytes, signal });
      isDone = true;
    } finally {
      progress.tell();
      const held = chainSummary(chain);
      const interrupted = signal.aborted && !isDone;
      const figures = `${countText(progress.blocks, 'block')}; ${storeText(held.head)}`;
      const summary = interrupted
        ? `Interrupted with ${progress.readText}: imported ${figures}. The lines after that block are not in it.`
        : `Imported ${figures}.`;
      conclude({ blocks: progress.blocks, interrupted, ...held }, summary);
      await chain.close();
    }
  } finally {
    input.close();
  }
}
