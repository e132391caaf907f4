import { Command, CommanderError } from 'commander';
import { VERSION } from '../internal/version.js';
import { ignoreBrokenPipe } from './broken-pipe.js';
import { EXIT } from './exit.js';
import { loadRules } from './rules-module.js';
import { print } from './terminal.js';

const EXAMPLES = `
Examples:
  $ blockferry demo
  $ blockferry import --data ./node-a blocks.ndjson
  $ blockferry serve --data ./node-a --port 8080
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b
  $ blockferry help sync

Exit status: 0 done, 1 failed (CODE: what happened, and what to do, on standard error), 2 wrong usage, 130 after Ctrl-C.`;

/** The commands, with what they do. Each is loaded when it is called, so that none pays for another. */
export const COMMANDS = {
  import: ['verify blocks from NDJSON and append them to a store', () => import('./commands/import.js')],
  serve: ['serve a store to other nodes over HTTP', () => import('./commands/serve.js')],
  sync: ["bring a store up to date from other nodes' servers", () => import('./commands/sync.js')],
  export: ['write blocks as NDJSON, byte for byte', () => import('./commands/export.js')],
  get: ['print one block', () => import('./commands/get.js')],
  publish: ['write the history as files for any web server', () => import('./commands/publish.js')],
  backup: ['copy a store, also while it is in use', () => import('./commands/backup.js')],
  verify: ['check every block of a store again', () => import('./commands/verify.js')],
  create: ['make the tables for stores in a database', () => import('./commands/create.js')],
  migrate: ['copy a store from a directory into a database, or back', () => import('./commands/migrate.js')],
  prune: ['drop the oldest blocks of a store', () => import('./commands/prune.js')],
  upgrade: ['turn an older store into tiles', () => import('./commands/upgrade.js')],
  status: ['tell where a store or a server stands', () => import('./commands/status.js')],
  doctor: ['look for what is wrong with peers and a store', () => import('./commands/doctor.js')],
  conformance: ['hold a server to the protocol', () => import('./commands/conformance.js')],
  seal: ['make sealed-json blocks of JSON objects', () => import('./commands/seal.js')],
  keygen: ['make a signing key for snapshots or blocks', () => import('./commands/keygen.js')],
  evidence: ['write the proofs that producers signed two blocks', () => import('./commands/evidence.js')],
  snapshot: ['work with snapshots', () => import('./commands/snapshot/index.js')],
  demo: ['show a sync, a crash and a resume on this machine', () => import('./commands/demo.js')],
} as const satisfies Record<string, readonly [string, () => Promise<{ command(): Command }>]>;

/** Runs the command line. @returns the exit status; never rejects for anything that a caller can cause. */
export async function main(args: readonly string[]): Promise<number> {
  ignoreBrokenPipe(process.stdout);
  try {
    const program = await buildProgram(args);
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
}

async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('blockferry')
    .description("Brings a node's copy of a hash-linked chain up to date, and serves it to others.")
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', EXAMPLES)
    .configureOutput({
      writeOut: (text) => {
        print(process.stdout, linesOf(text));
      },
      writeErr: (text) => {
        print(process.stderr, linesOf(text));
      },
    })
    .exitOverride()
    .hook('preAction', async (_program, command) => loadRules(command));
  for (const [name, [description, load]] of Object.entries(COMMANDS)) {
    const command = args.slice(0, 2).includes(name) ? (await load()).command() : new Command(name);
    program.addCommand(command.description(description));
    inheritSettings(command, program);
  }
  return program;
}

/** Commander quotes what it was given, and ends its texts with a line end. */
function linesOf(text: string): readonly string[] {
  return text.replace(/\n$/, '').split('\n');
}

/** Commander hands settings down only to commands that are made with `.command()`. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
}
