import { Command } from 'commander';
import { command as create } from './create.js';
import { command as fetch } from './fetch.js';
import { command as inspect } from './inspect.js';
import { command as sign } from './sign.js';
import { command as verify } from './verify.js';

const EXAMPLES = `
Examples:
  $ blockferry snapshot sign manifest.json --key ./snapshot.key
  $ blockferry snapshot sign --help`;

/** `blockferry snapshot`: the commands that work with snapshots. */
export function command(): Command {
  return new Command('snapshot')
    .addCommand(create().description('make and sign a snapshot of a store'))
    .addCommand(inspect().description('show what a snapshot says of itself'))
    .addCommand(verify().description('check all of a snapshot'))
    .addCommand(fetch().description('download and check a snapshot'))
    .addCommand(sign().description('add a signature to the manifest of a snapshot'))
    .addHelpText('after', EXAMPLES);
}
