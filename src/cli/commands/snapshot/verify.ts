import { Argument, Command } from 'commander';
import { bodyName } from '../../../../plugins/transport-snapshot/server/files.js';
import { CHAIN_LIMITS } from '../../../config/chain-options.js';
import { chainPlan } from '../../../config/chain-plan.js';
import type { SignatureScheme, TrustOptions } from '../../../contracts/index.js';
import { PluginResolver } from '../../../di/resolve.js';
import { assembleWorkers } from '../../../di/workers.js';
import { ProgressMeter } from '../../../engine/events/progress.js';
import { checkDocumentSignature, checkTrust } from '../../../engine/snapshot/trust.js';
import { SyncError } from '../../../errors/index.js';
import { SNAPSHOT_CODECS } from '../../../internal/codecs.js';
import { documentMessage } from '../../../internal/snapshot-messages.js';
import { OPTION, type StoreOptions } from '../../options.js';
import { planned, readValue } from '../../planned.js';
import { type CommandContext, runCommand } from '../../run-command.js';
import { throttled } from '../../throttle.js';
import { requiredTrust, signatureScheme, TRUST_OPTION, type TrustArguments } from '../../trust.js';
import { countText } from '../../units.js';
import { type CheckedDocument, checkContents } from './contents.js';
import { findSnapshot, type SnapshotFiles } from './source.js';

const bodies = SNAPSHOT_CODECS.map((codec) => bodyName(codec)).join(', ');

const EXAMPLES = `
SOURCE is the directory of a snapshot, its manifest, or its body (${bodies}). Everything
is checked that a node checks: whose word it is, every part, the document and its signature, every block. A body without a
manifest beside it rests on the document's own signature; unless it is in bzip2, it has to be of one part.

Examples:
  $ blockferry snapshot verify ./node-a/snapshots/ID --trust 02ab… 03cd… --threshold 2
  $ blockferry snapshot verify ./snapshot.bz2 --trust-hash 9f86…`;

interface VerifyOptions extends TrustArguments, Pick<StoreOptions, 'chain' | 'chainOptions'> {
  readonly maxBlockBytes: number;
  readonly json?: boolean;
}

/** `blockferry snapshot verify`. */
export function command(): Command {
  return new Command('verify')
    .addArgument(new Argument('<source>', 'snapshot on disk'))
    .addOption(TRUST_OPTION.trust())
    .addOption(TRUST_OPTION.threshold())
    .addOption(TRUST_OPTION.hash())
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((path: string, options: VerifyOptions) =>
      runCommand(options, (context) => verify(path, options, context)),
    );
}

async function verify(
  path: string,
  options: VerifyOptions,
  { out, signal, conclude }: CommandContext,
): Promise<void> {
  const trust = requiredTrust(options);
  const maxBlockBytes = readValue(CHAIN_LIMITS.maxBlockBytes, options.maxBlockBytes, '--max-block-bytes');
  const { chain = null, chainOptions = null } = options;
  const plan = planned(() => chainPlan({ storage: { use: 'memory' }, chain, chainOptions }));
  const scheme = await signatureScheme();
  const files = await findSnapshot(path, signal);
  const { body } = files;
  if (body === null)
    throw new SyncError('INPUT_UNREADABLE', `There is no body beside the manifest at ${path}.`);
  if (files.manifest !== null) await checkManifest(files.manifest, trust, scheme);
  const { workers } = await assembleWorkers([files.codec]);
  try {
    const meter = new ProgressMeter(() => performance.now());
    meter.place(null, files.manifest?.height ?? null);
    const tell = throttled(() => {
      out.emit({ type: 'progress', ...meter.sample() });
    });
    const document = await checkContents(
      { ...files, body },
      {
        workers,
        signal,
        maxBlockBytes,
        rules: {
          resolver: new PluginResolver(plan.plugins, plan.chainOptions),
          wanted: plan.settings.chain,
        },
        onBlocks: (blocks, bytes, height) => {
          meter.add(blocks, bytes, height);
          tell();
        },
      },
    );
    await checkSigned(files, document, trust, scheme);
    const { head, hash, end, blockHash } = document;
    const { blocks } = meter.current();
    conclude(
      { ...head, blocks, blockHash, hash, signer: end.signer, manifest: files.manifest?.id ?? null },
      `Verified ${countText(blocks, 'block')}, ${head.base} to ${head.height}, of chain ${head.chainId}; the document has the hash ${hash}.`,
    );
  } finally {
    await workers.close();
  }
}

async function checkManifest(
  manifest: NonNullable<SnapshotFiles['manifest']>,
  trust: TrustOptions,
  scheme: SignatureScheme,
): Promise<void> {
  const { chain, chainId } = manifest;
  await checkTrust(manifest, { trust, scheme, now: Date.now, chain, chainId, newest: null });
}

/** The document's own signature; without a manifest it is also what the trust rests on. */
async function checkSigned(
  { manifest }: SnapshotFiles,
  { head, hash, end }: CheckedDocument,
  trust: TrustOptions,
  scheme: SignatureScheme,
): Promise<void> {
  if (manifest !== null) {
    await checkDocumentSignature(manifest, end, scheme);
    return;
  }
  if (!(await scheme.verify(documentMessage({ ...head, hash }), end.signature, end.signer))) {
    throw new SyncError('SNAPSHOT_CORRUPT', "The document's signature is not one of its signer.");
  }
  const trusted = trust.hash === hash || (trust.threshold === 1 && trust.signers.includes(end.signer));
  if (trusted) return;
  const message = `The document is signed by ${end.signer} alone, which doesn't meet the trust settings.`;
  throw new SyncError('SNAPSHOT_UNTRUSTED', message);
}
