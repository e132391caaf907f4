import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readKeyFile } from '../../../../plugins/signer-secp256k1/index.js';
import {
  openArchive,
  type SnapshotBuildProgress,
} from '../../../../plugins/transport-snapshot/server/index.js';
import {
  DEFAULT_PART_BYTES,
  DEFAULT_RECENT_BLOCKS,
  SNAPSHOT_OPTIONS,
} from '../../../../plugins/transport-snapshot/server/options.js';
import type { SnapshotType } from '../../../contracts/index.js';
import { assembleWorkers } from '../../../di/workers.js';
import { SNAPSHOT_CODECS } from '../../../internal/codecs.js';
import { WANTED_SNAPSHOT_TYPE } from '../../../internal/snapshot-types.js';
import { openPlanned } from '../../../open-chain.js';
import { choiceOf, filled, numberOf, OPTION, storePlan } from '../../options.js';
import { type CommandContext, runCommand } from '../../run-command.js';
import { throttled } from '../../throttle.js';
import { bytesText, countText } from '../../units.js';

const EXAMPLES = `
Makes a snapshot of a store that no other process has open, and signs it. It goes to DIR/snapshots, from where
\`blockferry serve --key\` serves it; the two newest of each type and codec are kept.

Examples:
  $ blockferry snapshot create --data ./node-a --key ./snapshot.key
  $ blockferry snapshot create --data ./node-a --key ./snapshot.key --type full --codec gzip --out ./archive`;

interface CreateOptions {
  readonly data: string;
  readonly key: string;
  readonly type: SnapshotType;
  readonly codec: string;
  readonly recent: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** `blockferry snapshot create`. */
export function command(): Command {
  return new Command('create')
    .addOption(OPTION.data())
    .addOption(
      new Option('--key <file>', 'key file, as keygen makes it').argParser(filled).makeOptionMandatory(),
    )
    .addOption(
      choiceOf(WANTED_SNAPSHOT_TYPE, '--type <type>', 'the newest blocks and the state, or all blocks'),
    )
    .addOption(new Option('--codec <codec>', 'encoding').choices(SNAPSHOT_CODECS).default(SNAPSHOT_CODECS[0]))
    .addOption(
      new Option('--recent <n>', 'blocks in a snapshot of type recent')
        .argParser(numberOf(SNAPSHOT_OPTIONS.recentBlocks))
        .default(DEFAULT_RECENT_BLOCKS),
    )
    .addOption(
      new Option('--out <dir>', 'directory of the snapshots (default: snapshots in the store)').argParser(
        filled,
      ),
    )
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: CreateOptions) => runCommand(options, (context) => create(options, context)));
}

async function create(options: CreateOptions, { out, signal, conclude }: CommandContext): Promise<void> {
  const { data, key, type, codec, recent, out: directory = join(data, 'snapshots') } = options;
  const signer = await readKeyFile(key);
  const chain = await openPlanned(storePlan({ data }, false), { onlyReads: true, needsRules: true });
  const { workers } = await assembleWorkers([codec]);
  try {
    const archive = await openArchive(directory);
    const startedMs = performance.now();
    const tell = throttled(({ type: snapshotType, ...progress }: SnapshotBuildProgress) => {
      out.emit({ type: 'build', snapshotType, ...progress });
    });
    const order = {
      source: chain,
      workers,
      signer,
      type,
      codec,
      recentBlocks: recent,
      maxPartBytes: DEFAULT_PART_BYTES,
    };
    const { manifest } = await archive.make(order, { signal, onProgress: tell });
    await archive.settled();
    const { id, height, base, blockHash, chainId, hash, size, rawSize, parts } = manifest;
    const elapsedMs = Math.round(performance.now() - startedMs);
    const blocks = height - base + 1;
    conclude(
      {
        id,
        type,
        height,
        base,
        blockHash,
        chainId,
        hash,
        size,
        rawSize,
        parts: parts.length,
        elapsedMs,
        directory,
      },
      `Made snapshot ${id}: ${countText(blocks, 'block')}, ${bytesText(rawSize)} in ${bytesText(size)}, in ${directory}.`,
    );
  } finally {
    await workers.close();
    await chain.close();
  }
}
