import { Argument, Command, Option } from 'commander';
import { readKeyFile } from '../../../../plugins/signer-secp256k1/index.js';
import { parseManifest } from '../../../../plugins/transport-snapshot/manifest.js';
import type { Signer, SnapshotManifest, SnapshotSignature } from '../../../contracts/index.js';
import { throwIfAborted } from '../../../internal/abort.js';
import { manifestMessage } from '../../../internal/snapshot-messages.js';
import { filled, OPTION } from '../../options.js';
import { type CommandContext, runCommand } from '../../run-command.js';
import { readManifestFile, readMembers, replaceFile } from './files.js';

const EXAMPLES = `
Adds your organisation's signature to a manifest, or replaces it; those of others stay. A signature is your word that the
snapshot is true: sign what you have compared with a chain of your own. The file is replaced as a whole or not at all.

Examples:
  $ blockferry snapshot sign manifest.json --key ./snapshot.key
  $ blockferry snapshot sign manifest.json --key ./snapshot.key --out signed.json`;

interface SignOptions {
  readonly key: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `blockferry snapshot sign`. */
export function command(): Command {
  return new Command('sign')
    .addArgument(new Argument('<manifest>', 'manifest file'))
    .addOption(
      new Option('--key <file>', 'key file, as keygen makes it').argParser(filled).makeOptionMandatory(),
    )
    .addOption(
      new Option('--out <file>', 'file to write (default: the manifest file itself)').argParser(filled),
    )
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((path: string, options: SignOptions) =>
      runCommand(options, (context) => signManifest(path, options, context)),
    );
}

async function signManifest(
  path: string,
  { key, out = path }: SignOptions,
  { signal, conclude }: CommandContext,
): Promise<void> {
  const signer = await readKeyFile(key);
  const before = await readManifestFile(path, signal);
  // Members of later versions and the order of all stay as they were.
  const signed = { ...(await readMembers(path, signal)), signatures: await withSignature(before, signer) };
  const { id, type, height, blockHash, chainId, hash, signatures } = parseManifest(signed);
  throwIfAborted(signal);
  await replaceFile(out, `${JSON.stringify(signed)}\n`);
  const signers = signatures.map((each) => each.signer);
  const summary = `Signed snapshot ${id} (${type}, block ${height} of ${chainId}) in ${out}. Signers:`;
  conclude({ id, type, height, blockHash, chainId, hash, signer: signer.publicKey, signers, file: out }, [
    summary,
    ...signers.map((each) => `  ${each}`),
  ]);
}

/** The manifest's signatures, each as it was, with one of this signer in place of those it had. */
async function withSignature(
  manifest: SnapshotManifest,
  signer: Signer,
): Promise<readonly SnapshotSignature[]> {
  const own = { signer: signer.publicKey, signature: await signer.sign(manifestMessage(manifest)) };
  const at = manifest.signatures.findIndex((each) => each.signer === own.signer);
  const others = manifest.signatures.filter((each) => each.signer !== own.signer);
  return at === -1 ? [...others, own] : others.toSpliced(at, 0, own);
}
