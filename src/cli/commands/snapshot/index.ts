import { Command } from 'commander';
import { command as create } from './create.js';
import { command as sign } from './sign.js';

const EXAMPLES = `
Examples:
  $ blockferry snapshot sign manifest.json --key ./snapshot.key
  $ blockferry snapshot sign --help`;

/** `blockferry snapshot`: the commands that work with snapshots. */
export function command(): Command {
  return new Command('snapshot')
    .addCommand(create().description('make and sign a snapshot of a store'))
    .addCommand(sign().description('add a signature to the manifest of a snapshot'))
    .addHelpText('after', EXAMPLES);
}
