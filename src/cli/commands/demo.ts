import { Command } from 'commander';
import { runDemo } from '../demo/run-demo.js';
import { OPTION } from '../options.js';
import { runCommand } from '../run-command.js';

const EXAMPLES = `
Makes a chain of synthetic patient records in a temporary folder, serves it on 127.0.0.1, syncs a second node from it,
kills that node in the middle, resumes it, and compares the two byte for byte: the blocks, and the ledger of owners
and grants that each node keeps of them. Takes some seconds, needs no network, and removes everything it made.

Examples:
  $ blockferry demo
  $ blockferry demo --json`;

/** `blockferry demo`. */
export function command(): Command {
  return new Command('demo')
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: { readonly json?: boolean }) => runCommand(options, runDemo));
}
