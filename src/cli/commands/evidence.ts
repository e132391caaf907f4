import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { SyncError } from '../../errors/index.js';
import { EvidenceFiles } from '../../internal/node/evidence-files.js';
import { OPTION, storePlan } from '../options.js';
import { writeLines } from '../output.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
One JSON object a line: the height, the public key of the producer, and under "blocks" the two documents that it has
signed for this height, byte for byte. Each proves itself: its hash, its height and its signature can be checked by anybody.
The store may be in use. Everything else, --json too, goes to standard error.

Examples:
  $ blockferry evidence --data ./node-a
  $ blockferry evidence --data ./node-a > evidence.ndjson`;

interface EvidenceOptions {
  readonly data: string;
  readonly json?: boolean;
}

/** `blockferry evidence`. */
export function command(): Command {
  return new Command('evidence')
    .addOption(OPTION.data())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: EvidenceOptions) =>
      runCommand({ json: options.json, dataOnStdout: true }, (context) => evidence(options, context)),
    );
}

async function evidence(options: EvidenceOptions, { signal, conclude }: CommandContext): Promise<void> {
  const { data } = options;
  // What the directory is called is checked as everywhere; the store itself stays closed.
  storePlan(options, false);
  const found = await stat(data).catch(() => null);
  if (found?.isDirectory() !== true) throw new SyncError('STORE_NOT_FOUND', `There is no store at ${data}.`);
  const written = { pairs: 0 };
  await writeLines(linesOf(new EvidenceFiles(join(data, 'evidence')), written), null, signal);
  const { pairs } = written;
  conclude({ evidence: pairs }, pairs === 0 ? 'No producer is known to have signed two blocks.' : null);
}

async function* linesOf(
  files: EvidenceFiles,
  written: { pairs: number },
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  for (const { height, producer, documents } of await files.list()) {
    const [one, other] = documents;
    const start = Buffer.from(`{"height":${height},"producer":"${producer}","blocks":[`);
    yield [Buffer.concat([start, one, Buffer.from(','), other, Buffer.from(']}')])];
    written.pairs++;
  }
}
