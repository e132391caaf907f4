import { Argument, Command } from 'commander';
import { peer as peerReader } from '../../../config/peers.js';
import type { SnapshotManifest, SnapshotType } from '../../../contracts/index.js';
import { MAX_CHECKED_SIGNATURES } from '../../../engine/snapshot/trust.js';
import { SyncError } from '../../../errors/index.js';
import { manifestMessage } from '../../../internal/snapshot-messages.js';
import { WANTED_SNAPSHOT_TYPE } from '../../../internal/snapshot-types.js';
import { type ConnectionArguments, connectionOptions, reach } from '../../connection-options.js';
import { choiceOf, OPTION } from '../../options.js';
import { readValue } from '../../planned.js';
import { type CommandContext, runCommand } from '../../run-command.js';
import { snapshotPlugins } from '../../sync-options.js';
import { signatureScheme } from '../../trust.js';
import { bytesText, countText } from '../../units.js';
import { openSnapshotClient } from './client.js';
import { findSnapshot } from './source.js';

const EXAMPLES = `
SOURCE is the directory of a snapshot, its manifest, or the address of a server. Only the manifest is read; whether a signature
is valid is told, not whether its signer is to be trusted.

Examples:
  $ blockferry snapshot inspect ./node-a/snapshots/ID
  $ blockferry snapshot inspect https://a.example --type full
  $ blockferry snapshot inspect file:///media/chain`;

interface InspectOptions extends ConnectionArguments {
  readonly type: SnapshotType;
  readonly maxParts?: number | undefined;
  readonly json?: boolean;
}

/** `blockferry snapshot inspect`. */
export function command(): Command {
  const command = new Command('inspect')
    .addArgument(new Argument('<source>', 'snapshot on disk, or a server'))
    .addOption(choiceOf(WANTED_SNAPSHOT_TYPE, '--type <type>', 'which one of a server'))
    .addOption(OPTION.maxParts())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((source: string, options: InspectOptions) =>
      runCommand(options, (context) => inspect(source, options, context)),
    );
  for (const option of connectionOptions()) command.addOption(option);
  return command;
}

async function inspect(source: string, options: InspectOptions, context: CommandContext): Promise<void> {
  const { signal, conclude } = context;
  const isUrl = /^(?:https?|file):/.test(source);
  const manifest = isUrl
    ? await manifestOf(source, options, context)
    : (await findSnapshot(source, signal)).manifest;
  if (manifest === null) throw new SyncError('INPUT_UNREADABLE', `There is no manifest beside ${source}.`);
  const scheme = await signatureScheme();
  const signatures = await Promise.all(
    manifest.signatures.slice(0, MAX_CHECKED_SIGNATURES).map(async ({ signer, signature }) => ({
      signer,
      valid: await scheme.verify(manifestMessage(manifest), signature, signer),
    })),
  );
  const { parts, ...facts } = manifest;
  conclude({ ...facts, parts: parts.length, signatures }, inWords(manifest, signatures));
}

async function manifestOf(
  source: string,
  options: InspectOptions,
  { out, signal }: CommandContext,
): Promise<SnapshotManifest> {
  const { type, maxParts } = options;
  const address = readValue(peerReader, source, 'SOURCE');
  const { peers, connection } = await reach([address], options, out);
  const [peer = address] = peers;
  const client = await openSnapshotClient(connection, await snapshotPlugins(maxParts));
  try {
    const manifest = await client.manifest(peer, type, signal);
    if (manifest !== null) return manifest;
    const message = `${peer.url} has no snapshot of type ${type} in a codec that is known here.`;
    throw new SyncError('SNAPSHOT_UNAVAILABLE', message, { peer: peer.url });
  } finally {
    await client.close();
  }
}

function inWords(
  manifest: SnapshotManifest,
  signatures: readonly { readonly signer: string; readonly valid: boolean }[],
): readonly string[] {
  const { id, type, base, height, blockHash, chain, chainId, timestamp, codec, size, rawSize, parts, hash } =
    manifest;
  return [
    `snapshot:  ${id} (${type})`,
    `blocks:    ${base} to ${height} (${blockHash})`,
    `chain:     ${chain}, ${chainId}`,
    `made:      ${new Date(timestamp).toISOString()}`,
    `size:      ${bytesText(size)} of ${codec} in ${countText(parts.length, 'part')}, ${bytesText(rawSize)} decoded`,
    `hash:      ${hash}`,
    ...signatures.map(({ signer, valid }) => `signed by: ${signer}${valid ? '' : ' (NOT VALID)'}`),
  ];
}
