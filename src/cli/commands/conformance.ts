import { Command } from 'commander';
import { DEFAULT_TRANSPORT_LIMITS } from '../../config/limits.js';
import type { Peer } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { createHttp1Client } from '../../http1-client/index.js';
import { CASES } from '../conformance/cases/index.js';
import { type CaseResult, conformance } from '../conformance/run.js';
import { type ConnectionArguments, connectionOptions, reach } from '../connection-options.js';
import { UsageError } from '../exit.js';
import { OPTION, peersOf } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
Holds a server, in whatever language, to the sync protocol: asks it what each case of a table says, and looks at the answers.
A case applies where the server's status document offers what it is about. Ends with 1 when one has failed.

Examples:
  $ blockferry conformance https://a.example/sync
  $ blockferry conformance --list --json          the cases as data, with their requests and what has to hold`;

interface ConformanceOptions extends ConnectionArguments {
  readonly json?: boolean;
  readonly list?: boolean;
}

/** `blockferry conformance`. */
export function command(): Command {
  const command = new Command('conformance')
    .argument('[url]', 'address of the server', peersOf)
    .option('--list', 'print the cases instead')
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((peers: readonly Peer[] | undefined, options: ConformanceOptions) =>
      runCommand(options, (context) => run(peers, options, context)),
    );
  for (const option of connectionOptions()) command.addOption(option);
  return command;
}

async function run(
  peers: readonly Peer[] | undefined,
  options: ConformanceOptions,
  context: CommandContext,
): Promise<void> {
  if (options.list === true) {
    context.conclude(
      { cases: CASES },
      CASES.map(({ id, section, title }) => `${section.padEnd(5)} ${id}: ${title}`),
    );
    return;
  }
  const [address] = peers ?? [];
  if (address === undefined) throw new UsageError('Give the address of a server, or --list.');
  const results = await look(address, options, context);
  const count = (state: CaseResult['state']): number =>
    results.filter((result) => result.state === state).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  const counted = `${passed} passed, ${failed} failed, ${skipped} do not apply`;
  context.conclude({ passed, failed, skipped, cases: results }, [...results.flatMap(linesOf), counted]);
  if (failed > 0)
    throw new SyncError('CONFORMANCE_FAILED', `The server fails ${failed} of ${results.length} cases.`);
}

async function look(
  address: Peer,
  options: ConformanceOptions,
  { out, signal }: CommandContext,
): Promise<readonly CaseResult[]> {
  const limits = DEFAULT_TRANSPORT_LIMITS;
  const { peers, connection } = await reach([address], options, out);
  const [peer = address] = peers;
  const http = createHttp1Client(limits, connection);
  const results: CaseResult[] = [];
  try {
    for await (const result of conformance({ deps: { fetch: http.fetch, limits }, peer, signal }))
      results.push(result);
    return results;
  } finally {
    await http.close();
  }
}

const MARKS = { passed: 'pass', failed: 'FAIL', skipped: 'n/a ' } as const;

function linesOf({ state, section, id, detail, request }: CaseResult): readonly string[] {
  const why = detail === '' ? '' : `: ${detail}`;
  return [
    `${MARKS[state]} ${section.padEnd(5)} ${id}${why}`,
    ...(request === null ? [] : [`           ${request}`]),
  ];
}
