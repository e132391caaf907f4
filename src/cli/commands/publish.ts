import { Command, Option } from 'commander';
import { PluginResolver } from '../../di/resolve.js';
import { assembleWorkers } from '../../di/workers.js';
import { ProgressMeter } from '../../engine/events/progress.js';
import { raceAbort } from '../../internal/abort.js';
import { type CodecName, MORE_TILE_CODECS } from '../../internal/codecs.js';
import { openPlanned } from '../../open-chain.js';
import { filled, finalityOf, OPTION, type StoreOptions, storePlan } from '../options.js';
import { Folder } from '../publish/folder.js';
import { wholeForm } from '../publish/form.js';
import { type Publication, publish } from '../publish/publish.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { throttled } from '../throttle.js';
import { bytesText, countText } from '../units.js';

const EXAMPLES = `
Writes the history of a store that no other process has open as files, from which any web server feeds new nodes: tiles,
an index of each page of them, the newest settled blocks as a tail, and at last the status. Blocks are settled that are
final, or 64 below the head. Files are written once: the next run compares them, writes what is new, and ends with
PUBLISH_CONFLICT where one has other contents. With --codec each tile is there in a second, smaller encoding as well,
which nodes take that name it in their codecs; a run without it names the second files no more, and leaves them. The directory is what is mounted at the address that nodes are given.

Examples:
  $ blockferry publish --data ./node-a --out ./public
  $ blockferry publish --data ./node-a --out ./public --finality-depth 64
  $ blockferry publish --data ./node-a --out ./public --codec zstd
  $ zcat ./public/tiles/000/*.ndjson.gz | blockferry import --data ./node-b -`;

interface PublishOptions extends Pick<StoreOptions, 'data' | 'store'> {
  readonly out: string;
  readonly codec?: CodecName;
  readonly finalityDepth?: number;
  readonly json?: boolean;
}

/** `blockferry publish`. */
export function command(): Command {
  return new Command('publish')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(
      new Option('--out <dir>', 'directory to publish in; made when it is missing')
        .argParser(filled)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--codec <codec>', 'encoding of tiles besides gzip (default: none)').choices(
        MORE_TILE_CODECS,
      ),
    )
    .addOption(OPTION.finalityDepth())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: PublishOptions) => runCommand(options, (context) => publishStore(options, context)));
}

async function publishStore(
  options: PublishOptions,
  { out, signal, conclude }: CommandContext,
): Promise<void> {
  const codecs = options.codec === undefined ? [] : [options.codec];
  await checkUsable(codecs);
  const chain = await openPlanned(storePlan(options, false, { finality: finalityOf(options) }), {
    onlyReads: true,
    needsRules: true,
  });
  const { workers } = await assembleWorkers(codecs);
  try {
    const settled = await raceAbort(chain.tilesMade(), signal);
    const { covers } = await new PluginResolver([]).rules(chain.chain);
    const meter = new ProgressMeter(() => performance.now());
    meter.place(null, settled < 0 ? null : settled);
    const tell = throttled(() => {
      out.emit({ type: 'progress', ...meter.sample() });
    });
    const order = { chain, settled, isDigested: covers !== 'document', signal };
    const publication = await publish(order, new Folder(options.out), {
      forms: codecs.map((codec) => wholeForm(codec, workers)),
      onPiece: ({ entry }) => {
        meter.add(entry.to - entry.from + 1, entry.bytes, entry.to);
        tell();
      },
    });
    conclude({ ...publication, directory: options.out }, inWords(publication, options.out));
  } finally {
    await workers.close();
    await chain.close();
  }
}

/** @throws SyncError `CODEC_UNAVAILABLE` where this Node does not have what a codec needs */
async function checkUsable(codecs: readonly CodecName[]): Promise<void> {
  const resolver = new PluginResolver([]);
  for (const codec of codecs) (await resolver.codec(codec)).create();
}

function inWords({ from, head, newFiles, newBytes }: Publication, directory: string): string {
  if (from === null || head === null) return `Nothing is settled yet; ${directory} says so.`;
  const news =
    newFiles === 0 ? 'nothing is new' : `${countText(newFiles, 'file')} (${bytesText(newBytes)}) new`;
  return `Published blocks ${from} to ${head.height} in ${directory}; ${news}.`;
}
