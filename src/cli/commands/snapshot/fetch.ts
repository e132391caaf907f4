import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { openArchive } from '../../../../plugins/transport-snapshot/server/index.js';
import { bodyName, DOCUMENT_FILE } from '../../../../plugins/transport-snapshot/server/files.js';
import { CHAIN_LIMITS } from '../../../config/chain-options.js';
import type {
  Peer,
  SignatureScheme,
  SnapshotManifest,
  SnapshotTransport,
  SnapshotType,
  TrustOptions,
} from '../../../contracts/index.js';
import { checkDocumentSignature, checkTrust } from '../../../engine/snapshot/trust.js';
import { isSyncError, SyncError } from '../../../errors/index.js';
import { WANTED_SNAPSHOT_TYPE } from '../../../internal/snapshot-types.js';
import { type ConnectionArguments, connectionOptions, reach } from '../../connection-options.js';
import { choiceOf, filled, OPTION, peersOf } from '../../options.js';
import { readValue } from '../../planned.js';
import { snapshotPlugins } from '../../sync-options.js';
import { type CommandContext, runCommand } from '../../run-command.js';
import { throttled } from '../../throttle.js';
import { requiredTrust, signatureScheme, TRUST_OPTION, type TrustArguments } from '../../trust.js';
import { bytesText } from '../../units.js';
import { openSnapshotClient, type SnapshotClient } from './client.js';
import { replaceFile } from './files.js';

const EXAMPLES = `
Parts are fetched from all peers that have the same snapshot, and checked one by one. The same command goes on with a download
that was cut off. What is left in DIR can be served, verified and unpacked.

Examples:
  $ blockferry snapshot fetch --peer https://a.example --peer https://b.example --out ./mirror --trust 02ab…
  $ blockferry snapshot fetch --peer http://127.0.0.1:8080 --out ./mirror --type full --trust 02ab…`;

interface FetchOptions extends TrustArguments, ConnectionArguments {
  readonly peer: readonly Peer[];
  readonly out: string;
  readonly type: SnapshotType;
  readonly maxParts?: number;
  readonly maxBlockBytes: number;
  readonly json?: boolean;
}

/** What a download works with. */
interface Job {
  readonly client: SnapshotClient;
  readonly scheme: SignatureScheme;
  readonly peers: readonly Peer[];
  readonly trust: TrustOptions;
  readonly maxBlockBytes: number;
}

/** `blockferry snapshot fetch`. */
export function command(): Command {
  const command = new Command('fetch')
    .addOption(
      new Option('--peer <url>', 'server to fetch from; may be given several times')
        .argParser(peersOf)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--out <dir>', 'directory of the snapshots').argParser(filled).makeOptionMandatory(),
    )
    .addOption(choiceOf(WANTED_SNAPSHOT_TYPE, '--type <type>', 'which snapshot'))
    .addOption(TRUST_OPTION.trust())
    .addOption(TRUST_OPTION.threshold())
    .addOption(TRUST_OPTION.hash())
    .addOption(OPTION.maxParts())
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: FetchOptions) => runCommand(options, (context) => fetchSnapshot(options, context)));
  for (const option of connectionOptions()) command.addOption(option);
  return command;
}

async function fetchSnapshot(options: FetchOptions, context: CommandContext): Promise<void> {
  const trust = requiredTrust(options);
  const maxBlockBytes = readValue(CHAIN_LIMITS.maxBlockBytes, options.maxBlockBytes, '--max-block-bytes');
  const { peers, connection } = await reach(options.peer, options, context.out);
  const client = await openSnapshotClient(connection, await snapshotPlugins(options.maxParts));
  try {
    const job = {
      client,
      trust,
      scheme: await signatureScheme(),
      peers,
      maxBlockBytes,
    };
    const manifest = await wanted(job, options, context.signal);
    const { chain, chainId } = manifest;
    const { scheme } = job;
    await checkTrust(manifest, { trust, scheme, now: Date.now, chain, chainId, newest: null });
    await download(job, manifest, options, context);
    const directory = join(options.out, manifest.id);
    const { id, type, height, base, blockHash, hash, size } = manifest;
    context.conclude(
      { id, type, height, base, blockHash, chain, chainId, hash, size, directory },
      `Fetched snapshot ${id}, ${bytesText(size)}, to ${directory}.`,
    );
  } finally {
    await client.close();
  }
}

/** What an earlier run began, or the newest one of the first peer that has one. */
async function wanted(
  { client, peers: all }: Job,
  { out, type }: FetchOptions,
  signal: AbortSignal,
): Promise<SnapshotManifest> {
  const begun = await client.transport.begun(out);
  if (begun?.type === type) return begun;
  let failure: SyncError | null = null;
  for (const peer of all) {
    try {
      const manifest = await client.manifest(peer, type, signal);
      if (manifest !== null) return manifest;
    } catch (error) {
      if (!isSyncError(error)) throw error;
      failure ??= error;
    }
  }
  throw failure ?? new SyncError('SNAPSHOT_UNAVAILABLE', 'None of the peers serves snapshots.');
}

async function download(
  { client, peers: all, scheme, maxBlockBytes }: Job,
  manifest: SnapshotManifest,
  { out: directory }: FetchOptions,
  { out, signal }: CommandContext,
): Promise<void> {
  const { id, type: snapshotType, base, height, blockHash: hash, codec } = manifest;
  const about = { type: 'snapshot', status: 'progress', id, snapshotType, base, height, hash } as const;
  const none = { signers: [], trusted: 0, importedBlocks: 0, importedBytes: 0 };
  const request = {
    manifest,
    peers: all,
    directory,
    maxBlockBytes,
    onProgress: throttled(
      (progress: Parameters<Parameters<SnapshotTransport['open']>[0]['onProgress']>[0]) => {
        out.emit({ ...about, ...none, totalBlocks: height - base + 1, ...progress });
      },
    ),
    onPeerFailure: (peer: Peer, error: Error): void => {
      const code = isSyncError(error) ? error.code : 'INTERNAL';
      out.emit({ type: 'warning', code, message: `${peer.url}: ${error.message}`, height: null });
    },
  };
  let end: { readonly signer: string; readonly signature: string } | null = null;
  for await (const item of client.transport.open(request, { signal })) if (item.kind === 'end') end = item;
  if (end === null) throw new SyncError('SNAPSHOT_CORRUPT', 'The document has no end.');
  await checkDocumentSignature(manifest, end, scheme);
  const archive = await openArchive(directory);
  const sequence = 1 + Math.max(0, ...archive.list().map(({ document }) => document.sequence));
  const record = { sequence, signer: end.signer, signature: end.signature };
  await replaceFile(join(directory, id, DOCUMENT_FILE), JSON.stringify(record));
  await rename(join(directory, id, 'body'), join(directory, id, bodyName(codec)));
}
