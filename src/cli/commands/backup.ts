import { Argument, Command } from 'commander';
import { refText } from '../chain-summary.js';
import { filled, OPTION } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
Copies the store in a directory to a new one, also while another process has it open and writes to it: blocks, state,
positions of consumers and proofs, as they were at one moment. What was durable before the command is in the copy. The
directory appears when it is whole, checked and on disk, or not at all. To restore, serve it or sync into it.

A store in PostgreSQL is backed up by the database's own means: pg_dump, or a base backup with its WAL.

Examples:
  $ blockferry backup --data ./node-a /backup/node-a-1
  $ blockferry verify --data /backup/node-a-1`;

interface BackupOptions {
  readonly data: string;
  readonly json?: boolean;
}

/** `blockferry backup`. */
export function command(): Command {
  return new Command('backup')
    .addArgument(new Argument('<dir>', 'directory to make').argParser(filled))
    .addOption(OPTION.data().argParser(filled))
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((target: string, options: BackupOptions) =>
      runCommand(options, (context) => backup(target, options, context)),
    );
}

async function backup(
  target: string,
  { data }: BackupOptions,
  { signal, conclude }: CommandContext,
): Promise<void> {
  const { backUp } = await import('../backup/back-up.js');
  const head = await backUp(data, target, signal);
  conclude(
    { directory: target, head },
    `Backed up to ${target}: ${head === null ? 'no block yet' : refText(head)}.`,
  );
}
