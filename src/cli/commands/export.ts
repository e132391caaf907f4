import { Argument, Command, Option } from 'commander';
import type { BlockRange } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { ProgressMeter } from '../../engine/events/progress.js';
import { SyncError } from '../../errors/index.js';
import { UsageError } from '../exit.js';
import { readingStore } from '../open-to-read.js';
import { OPTION, type StoreOptions, wholeNumber } from '../options.js';
import { inPieces, writeLines } from '../output.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { throttled } from '../throttle.js';
import { bytesText, countText } from '../units.js';

const EXAMPLES = `
The lines are the blocks byte for byte as they were submitted. A file appears when it is complete, or not at all.
Without FILE the blocks go to standard output, and everything else, --json too, to standard error.

Examples:
  $ blockferry export --data ./node-a backup.ndjson
  $ blockferry export --data ./node-a --from 100 --to 199 | gzip > part.ndjson.gz
  $ blockferry export --data ./node-a | sha256sum`;

interface ExportOptions extends Pick<StoreOptions, 'data' | 'store' | 'chain'> {
  readonly from?: number;
  readonly to?: number;
  readonly json?: boolean;
}

/** `blockferry export`. */
export function command(): Command {
  return new Command('export')
    .addArgument(new Argument('[file]', 'file to write; - for standard output').default('-'))
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(OPTION.chain())
    .addOption(new Option('--from <height>', 'first height (default: the oldest)').argParser(wholeNumber))
    .addOption(new Option('--to <height>', 'last height (default: the newest)').argParser(wholeNumber))
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((path: string, options: ExportOptions) => {
      const file = path === '-' ? null : path;
      return runCommand({ json: options.json, dataOnStdout: file === null }, (context) =>
        exportChain(file, options, context),
      );
    });
}

async function exportChain(
  file: string | null,
  options: ExportOptions,
  context: CommandContext,
): Promise<void> {
  checkOrder(options);
  const { signal } = context;
  await readingStore(options, { command: 'export', signal }, (chain) =>
    write(chain, file, rangeOf(chain, options), context),
  );
}

async function write(
  chain: Chain,
  file: string | null,
  range: BlockRange,
  { out, signal, conclude }: CommandContext,
): Promise<void> {
  const meter = new ProgressMeter(() => performance.now());
  meter.place(null, range.to);
  let bytes = 0;
  const tell = (): void => {
    if (file !== null || !process.stdout.isTTY) out.emit({ type: 'progress', ...meter.sample() });
  };
  const tellSometimes = throttled(tell);
  async function* documents(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const frames of chain.read(range, { signal })) {
      for (const frame of frames) {
        const document = chain.decode(frame).bytes;
        yield document;
        bytes += document.byteLength + 1;
        meter.add(1, document.byteLength + 1, frame.header.height);
      }
      tellSometimes();
    }
  }
  await writeLines(inPieces(documents()), file, signal);
  tell();
  const { blocks } = meter.current();
  const summary =
    file === null ? null : `Wrote ${countText(blocks, 'block')} (${bytesText(bytes)}) to ${file}.`;
  conclude({ blocks, bytes, file }, summary);
}

function checkOrder({ from, to }: ExportOptions): void {
  if (from !== undefined && to !== undefined && from > to) {
    throw new UsageError(`--from ${from} is above --to ${to}.`);
  }
}

function rangeOf(chain: Chain, options: ExportOptions): BlockRange {
  const { base, head } = chain.tip();
  const { from = base, to = head?.height ?? base } = options;
  if (head !== null && from < base) {
    throw new SyncError('BELOW_BASE', `The oldest block of the store is ${base}.`, { height: from, base });
  }
  return { from, to: Math.min(to, head?.height ?? to) };
}
