import { Command, Option } from 'commander';
import { generateProducerKey } from '../../../plugins/chain-sealed-json/index.js';
import { filled, OPTION } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
Makes a new key and writes it to FILE, which only its owner may read (mode 0600) and which must not exist yet.
Prints the public key, which others put among the signers that they trust (--trust) or the producers whose blocks they
take (--producer). Snapshots are signed with secp256k1; blocks with either, and Ed25519 is checked faster. The secret key
is in FILE and nowhere else: keep a copy where you keep such things.

Examples:
  $ blockferry keygen --out ./snapshot.key
  $ blockferry keygen --out ./snapshot.key --json
  $ blockferry keygen --out ./producer.key --scheme ed25519
  $ blockferry snapshot sign manifest.json --key ./snapshot.key`;

interface KeygenOptions {
  readonly out: string;
  readonly scheme: 'secp256k1' | 'ed25519';
  readonly json?: boolean;
}

/** `blockferry keygen`. */
export function command(): Command {
  return new Command('keygen')
    .addOption(new Option('--out <file>', 'file to write the key to').argParser(filled).makeOptionMandatory())
    .addOption(
      new Option('--scheme <scheme>', 'kind of key').choices(['secp256k1', 'ed25519']).default('secp256k1'),
    )
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: KeygenOptions) => runCommand(options, (context) => keygen(options, context)));
}

async function keygen({ out: file, scheme }: KeygenOptions, { conclude }: CommandContext): Promise<void> {
  const { publicKey } = await generateProducerKey(file, scheme);
  conclude({ scheme, publicKey, file }, publicKey);
}
