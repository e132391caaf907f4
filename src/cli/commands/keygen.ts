import { Command, Option } from 'commander';
import { generateKeyFile } from '../../../plugins/signer-secp256k1/index.js';
import { filled, OPTION } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
Makes a new secp256k1 key and writes it to FILE, which only its owner may read (mode 0600) and which must not exist yet.
Prints the public key, which others put among the signers that they trust. The secret key is in FILE and nowhere else:
keep a copy where you keep such things.

Examples:
  $ blockferry keygen --out ./snapshot.key
  $ blockferry keygen --out ./snapshot.key --json
  $ blockferry snapshot sign manifest.json --key ./snapshot.key`;

interface KeygenOptions {
  readonly out: string;
  readonly json?: boolean;
}

/** `blockferry keygen`. */
export function command(): Command {
  return new Command('keygen')
    .addOption(new Option('--out <file>', 'file to write the key to').argParser(filled).makeOptionMandatory())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: KeygenOptions) => runCommand(options, (context) => keygen(options, context)));
}

async function keygen({ out: file }: KeygenOptions, { conclude }: CommandContext): Promise<void> {
  const { publicKey } = await generateKeyFile(file);
  conclude({ scheme: 'secp256k1', publicKey, file }, publicKey);
}
