import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readKeyFile } from '../../../plugins/signer-secp256k1/index.js';
import { openArchive } from '../../../plugins/transport-snapshot/server/index.js';
import { PluginResolver } from '../../di/resolve.js';
import { assembleWorkers } from '../../di/workers.js';
import { ProgressMeter } from '../../engine/events/progress.js';
import { type CodecName, MORE_TILE_CODECS } from '../../internal/codecs.js';
import { integer } from '../../internal/options/index.js';
import { DEFAULT_SNAPSHOT_TYPE } from '../../internal/snapshot-types.js';
import { openPlanned } from '../../open-chain.js';
import { UsageError } from '../exit.js';
import { filled, finalityOf, numberOf, OPTION, type StoreOptions, storePlan } from '../options.js';
import { Folder } from '../publish/folder.js';
import { wholeForm } from '../publish/form.js';
import { makeIfDue } from '../publish/make-snapshot.js';
import type { Publication } from '../publish/publish.js';
import { Publisher } from '../publish/publisher.js';
import { type S3Place, s3Place } from '../publish/s3/place.js';
import { openS3Target } from '../publish/s3/target.js';
import type { PublishTarget } from '../publish/target.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { throttled } from '../throttle.js';
import { bytesText, countText } from '../units.js';

const EXAMPLES = `
Writes the history of a store that no other process has open as files, from which any web server feeds new nodes: tiles,
an index of each page of them, the newest settled blocks as a tail, and at last the status. Blocks are settled that are
final, or 64 below the head. Files are written once: the next run compares them, writes what is new, and ends with
PUBLISH_CONFLICT where one has other contents. With --codec each tile is there in a second, smaller encoding as well,
which nodes take that name it in their codecs; a run without it names the second files no more, and leaves them. The directory is what is mounted at the address that nodes are given.

Of the snapshots that are in the store's directory the newest of each kind is published too, once its last block is settled;
with --key one is made first when it is due. It is one of the newest block: it is published by a later run, when that block is
settled, or at once with --finality-depth 0. With --s3 all goes into a bucket in place of a directory, which needs the package
aws4fetch and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or AWS_ENDPOINT_URL_S3, in the environment. A node
that writes its store keeps it published by itself: blockferry serve --publish.

Examples:
  $ blockferry publish --data ./node-a --out ./public
  $ blockferry publish --data ./node-a --out ./public --finality-depth 64
  $ blockferry publish --data ./node-a --out ./public --codec zstd
  $ blockferry publish --data ./node-a --out ./public --key ./snapshot.key
  $ blockferry publish --data ./node-a --s3 s3://bucket/chain/sync
  $ zcat ./public/tiles/000/*.ndjson.gz | blockferry import --data ./node-b -`;

/** The codec of snapshots that are made here: every client decodes it. */
const SNAPSHOT_CODEC = 'bzip2';

/** Blocks between two snapshots, as servers make them. */
const DEFAULT_EVERY_BLOCKS = 10_000;

interface PublishOptions extends Pick<StoreOptions, 'data' | 'store' | 'chain' | 'chainOptions'> {
  readonly out?: string;
  readonly s3?: S3Place;
  readonly codec?: CodecName;
  readonly snapshots?: string;
  readonly key?: string;
  readonly snapshotEvery?: number;
  readonly finalityDepth?: number;
  readonly json?: boolean;
}

/** `blockferry publish`. */
export function command(): Command {
  return new Command('publish')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(
      new Option('--out <dir>', 'directory to publish in; made when it is missing').argParser(filled),
    )
    .addOption(
      new Option(
        '--s3 <url>',
        'bucket to publish in, as s3://BUCKET/PREFIX; credentials, region and endpoint come from the variables AWS_…',
      )
        .argParser(s3Place)
        .conflicts('out'),
    )
    .addOption(
      new Option('--codec <codec>', 'encoding of tiles besides gzip (default: none)').choices(
        MORE_TILE_CODECS,
      ),
    )
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(
      new Option(
        '--snapshots <dir>',
        'directory of snapshots, as serve and snapshot create fill it, of which the newest settled ones are published too; with --key new ones are made in it (default: snapshots in the directory of the store)',
      ).argParser(filled),
    )
    .addOption(
      new Option('--key <file>', 'make snapshots, signed with this key (see keygen)').argParser(filled),
    )
    .addOption(
      new Option(
        '--snapshot-every <n>',
        'make a new snapshot after so many blocks (default: 10,000, or a day)',
      ).argParser(numberOf(integer({ min: 1 }))),
    )
    .addOption(OPTION.finalityDepth())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: PublishOptions) => runCommand(options, (context) => publishStore(options, context)));
}

async function publishStore(options: PublishOptions, context: CommandContext): Promise<void> {
  const target = await targetOf(options, context.signal);
  const snapshots = snapshotsOf(options);
  const codecs = options.codec === undefined ? [] : [options.codec];
  await checkUsable(codecs);
  const chain = await openPlanned(storePlan(options, false, { finality: finalityOf(options) }), {
    onlyReads: true,
    needsRules: true,
  });
  const { workers } = await assembleWorkers([...codecs, SNAPSHOT_CODEC]);
  try {
    const archive = snapshots === null ? null : await openArchive(snapshots);
    if (archive !== null && options.key !== undefined) {
      const signer = await readKeyFile(options.key);
      const order = { source: chain, workers, signer, type: DEFAULT_SNAPSHOT_TYPE, codec: SNAPSHOT_CODEC };
      await makeIfDue(
        archive,
        order,
        { every: options.snapshotEvery ?? DEFAULT_EVERY_BLOCKS, nowMs: Date.now() },
        context.signal,
      );
    }
    const forms = codecs.map((codec) => wholeForm(codec, workers));
    await run(new Publisher({ chain, target, forms, archive }), target, context);
  } finally {
    await workers.close();
    await chain.close();
  }
}

async function run(
  publisher: Publisher,
  target: PublishTarget,
  { out, signal, conclude }: CommandContext,
): Promise<void> {
  const meter = new ProgressMeter(() => performance.now());
  const tell = throttled(() => {
    out.emit({ type: 'progress', ...meter.sample() });
  });
  const publication = await publisher.run(
    signal,
    (settled) => {
      meter.place(null, settled < 0 ? null : settled);
    },
    ({ entry }) => {
      meter.add(entry.to - entry.from + 1, entry.bytes, entry.to);
      tell();
    },
  );
  conclude({ ...publication, directory: target.name }, inWords(publication, target.name));
}

/** @throws UsageError */
async function targetOf({ out, s3 }: PublishOptions, signal: AbortSignal): Promise<PublishTarget> {
  if (out !== undefined) return new Folder(out);
  if (s3 === undefined) throw new UsageError('Give --out or --s3.');
  return openS3Target(s3, process.env, signal);
}

/** The directory of snapshots; `null` where none is known. @throws UsageError for a key without one */
function snapshotsOf({ snapshots, data, key, snapshotEvery }: PublishOptions): string | null {
  if (snapshotEvery !== undefined && key === undefined) throw new UsageError('--snapshot-every needs --key.');
  if (snapshots !== undefined) return snapshots;
  if (data !== undefined) return join(data, 'snapshots');
  if (key === undefined) return null;
  throw new UsageError('--key needs --snapshots for a store in a database.');
}

/** @throws SyncError `CODEC_UNAVAILABLE` where this Node does not have what a codec needs */
async function checkUsable(codecs: readonly CodecName[]): Promise<void> {
  const resolver = new PluginResolver([]);
  for (const codec of codecs) (await resolver.codec(codec)).create();
}

function inWords(publication: Publication, directory: string): string {
  const { head, waiting } = publication;
  const newest = head === null ? 'no block is settled yet' : `block ${head.height} is the newest that is`;
  const waits = waiting.map(
    ({ type, height }) =>
      `The ${type} snapshot of block ${height} is published by a later run, when that block is settled; ${newest}.`,
  );
  return [publishedText(publication, directory), ...waits].join(' ');
}

function publishedText(
  { from, head, snapshots, newFiles, newBytes }: Publication,
  directory: string,
): string {
  if (from === null || head === null) return `Nothing is settled yet; ${directory} says so.`;
  const news =
    newFiles === 0 ? 'nothing is new' : `${countText(newFiles, 'file')} (${bytesText(newBytes)}) new`;
  const newest = snapshots[0] === undefined ? '' : `, with a snapshot of block ${snapshots[0].height}`;
  return `Published blocks ${from} to ${head.height}${newest} in ${directory}; ${news}.`;
}
