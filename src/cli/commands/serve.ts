import { Command, Option } from 'commander';
import type { Chain } from '../../chain/chain.js';
import { DEFAULT_ENGINE_LIMITS } from '../../engine/engine-parts.js';
import { onAbort } from '../../internal/abort.js';
import { openPlanned } from '../../open-chain.js';
import { integer } from '../../internal/options/index.js';
import type { SyncServer } from '../../server/index.js';
import { SERVER_OPTIONS } from '../../server/plan.js';
import { appendLines } from '../append-lines.js';
import { AppendProgress } from '../append-progress.js';
import { UsageError } from '../exit.js';
import { type Input, openInput } from '../input.js';
import { readLines } from '../ndjson.js';
import { logOption } from '../log.js';
import { choiceOf, filled, finalityOf, numberOf, OPTION, storePlan, wholeNumber } from '../options.js';
import { chainSummary } from '../chain-summary.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { chainServer, type ServerArguments } from '../serve/chain-server.js';
import { Front, tellAddress } from '../serve/front.js';
import { asWriter, tellRoles } from '../serve/as-writer.js';
import {
  type Publishing,
  type PublishingArguments,
  publishingOf,
  publishingOptions,
} from '../serve/publishing.js';
import { relay } from '../serve/relay.js';
import { stateConfig } from '../state-module.js';
import { type PeerArguments, peerOption, syncOptions } from '../sync-options.js';

/** Small, so that requests are answered between two chunks. */
const INGEST_CHUNK_BYTES = 64 * 1024;

/** Answers under way have 8 seconds, reads of the store that hang 5 more. */
const STOP_WITHIN_MS = 15_000;

const EXAMPLES = `
The routes are below /sync: /sync/status, /sync/stream, /sync/json, and with --key /sync/snapshot. With --ingest, blocks
are appended as their lines arrive, also to a new store. A block that stands on an older one than the head makes the
chain go back to that one, unless it is below the finalized block (see --finality-depth). A line that is refused is reported
and left out, and the server goes on. A store that is made with --state needs it whenever blocks are added. SIGTERM and Ctrl-C stop it:
streams end behind an event, and other answers under way have 8 seconds to end.

With --peer it follows other nodes and serves what it has verified while it does. A store that holds blocks is served
whether peers can be reached or not; while the chain of an empty one isn't known (see --chain), requests are answered 503 with
Retry-After. Peers are asked for ever, also those that failed or proved false, these less and less often. What the operator has
to judge (a fork below a finalized block, a store or a state that fails) ends the process with exit status 1.

Of a store in a database, one process is the writer: with --ingest or --peer. Any number of others serve what it writes. With
--role auto such a process serves, and neither reads its input nor asks its peers, while another one writes; it takes over
when that one's lease has ended.

Examples:
  $ blockferry serve --data ./node-a
  $ blockferry serve --data ./node-a --host 0.0.0.0 --port 9000
  $ blockferry serve --data ./node-a --key ./snapshot.key --snapshot-every 10000
  $ blockferry serve --data ./node-b --peer https://a.example --peer https://b.example
  $ blockferry serve --data ./node-b --peer https://a.example --ui
  $ producer | blockferry serve --data ./node-a --ingest -
  $ producer | blockferry serve --data ./node-a --ingest - --publish s3://bucket/chain
  $ producer | blockferry serve --data ./node-a --ingest - --state ./ledger.js
  $ blockferry serve --store postgres://reader@db/chain             # what another process writes
  $ blockferry serve --store postgres://writer@db/chain --role auto --peer https://a.example
  $ blockferry serve --data ./eth --chain ethereum --ingest blocks.fifo`;

interface ServeOptions
  extends Omit<PeerArguments, 'peer' | 'maxBlockBytes'>, ServerArguments, PublishingArguments {
  readonly peer?: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly ingest?: string;
  readonly json?: boolean;
}

/** `blockferry serve`. */
export function command(): Command {
  const command = new Command('serve')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(OPTION.role())
    .addOption(new Option('--host <host>', 'address to listen at').argParser(filled).default('127.0.0.1'))
    .addOption(
      new Option('--port <port>', 'port to listen at; 0 picks a free one')
        .argParser(numberOf(integer({ max: 65_535 })))
        .default(8080),
    )
    .addOption(
      new Option(
        '--ingest <file>',
        'NDJSON of blocks to append: a file, a FIFO, or - for standard input',
      ).argParser(filled),
    )
    .addOption(peerOption('node to follow while serving; may be given several times').conflicts(['ingest']))
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.chainId())
    .addOption(OPTION.base())
    .addOption(OPTION.checkpoint())
    .addOption(OPTION.producer())
    .addOption(
      choiceOf(
        SERVER_OPTIONS.cache,
        '--cache <who>',
        'who may keep final blocks and snapshots: the client, shared caches too, or nobody',
      ),
    )
    .addOption(logOption())
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: ServeOptions) =>
      runCommand({ json: options.json, endsByTerm: true, stopWithinMs: STOP_WITHIN_MS }, (context) =>
        serve(options, context),
      ),
    );
  for (const option of [
    ...operatorOptions(),
    ...snapshotOptions(),
    ...publishingOptions(),
    ...readinessOptions(),
    ...syncOptions({ keyFlag: '--tls-key' }),
  ])
    command.addOption(option);
  return command;
}

/** What says who may read, and what operators see. */
function operatorOptions(): readonly Option[] {
  return [
    new Option(
      '--token-file <file>',
      'only those read who send a bearer token of this file, which has a name and a token on each line, and is read anew',
    ).argParser(filled),
    new Option('--metrics', 'serve metrics at /sync/metrics, in the form of OpenMetrics'),
    new Option(
      '--ui',
      'show a dashboard at /sync/ui, to whoever reaches the port or, with --token-file, has a token as password',
    ),
  ];
}

/** What says that snapshots are made, where, and how often. */
function snapshotOptions(): readonly Option[] {
  return [
    new Option('--key <file>', 'make and serve snapshots, signed with this key (see keygen)').argParser(
      filled,
    ),
    new Option(
      '--snapshots <dir>',
      'directory of the snapshots, which servers of one store can share (default: snapshots in the store)',
    ).argParser(filled),
    new Option(
      '--snapshot-every <n>',
      'make a new snapshot after so many blocks (default: 10,000, or a day)',
    ).argParser(wholeNumber),
  ];
}

/** How far a node may be behind and be ready. */
function readinessOptions(): readonly Option[] {
  return [
    new Option(
      '--max-behind-blocks <n>',
      'blocks that a node may be behind its peer, or behind the writer of its store, and be ready (default: 10)',
    ).argParser(wholeNumber),
    new Option(
      '--max-behind <seconds>',
      'how long ago a node may have been up to date last, and be ready (default: 60)',
    ).argParser(wholeNumber),
  ];
}

async function serve(options: ServeOptions, context: CommandContext): Promise<void> {
  const { ingest, peer } = options;
  refuseRole(options);
  if (peer !== undefined) {
    await relay({ ...options, peer }, context);
    return;
  }
  refuseWithoutPeer(options);
  const publishing = await publishingOf(options, context);
  const onSnapshot = () => publishing?.look();
  const { make, authorize } = await chainServer(options, context.out, { onSnapshot });
  const plan = storePlan(options, ingest !== undefined, {
    ...(await stateConfig(options.state)),
    finality: finalityOf(options),
  });
  const input = ingest === undefined ? null : openInput(ingest, INGEST_CHUNK_BYTES, context.signal);
  try {
    const chain = await openPlanned(plan, { onlyReads: ingest === undefined });
    try {
      const front = new Front({ ui: options.ui, authorize }, context.out);
      await serveChain(chain, make(chain), { input, front, publishing }, options, context);
    } finally {
      context.conclude({ ...chainSummary(chain) }, null);
      await chain.close();
    }
  } finally {
    input?.close();
  }
}

/** One that has nothing to write would keep the lease from those that have, and one that only reads can write nothing. */
function refuseRole({ role, ingest, peer }: ServeOptions): void {
  const writes = ingest !== undefined || peer !== undefined;
  if (role !== undefined && (role === 'reader') === writes)
    throw new UsageError(
      writes
        ? '--role reader takes neither --ingest nor --peer.'
        : `--role ${role} needs --ingest or --peer.`,
    );
}

function refuseWithoutPeer(options: ServeOptions): void {
  const { mode, trust, trustHash, codec, agree, staleAfter } = options;
  const given = {
    '--mode': mode === 'auto' ? undefined : mode,
    '--trust': trust,
    '--trust-hash': trustHash,
    '--codec': codec,
    '--agree': agree === 1 ? undefined : agree,
    '--stale-after': staleAfter,
    '--header': options.header,
    '--header-file': options.headerFile,
    '--ca': options.ca,
    '--cert': options.cert,
    '--tls-key': options.tlsKey,
    '--proxy': options.proxy,
  };
  for (const [name, value] of Object.entries(given))
    if (value !== undefined) throw new UsageError(`${name} needs --peer.`);
}

/** What a chain is served by, and fed from. */
interface ServedBy {
  readonly input: Input | null;
  readonly front: Front;
  readonly publishing: Publishing | null;
}

async function serveChain(
  chain: Chain,
  server: SyncServer,
  { input, front, publishing }: ServedBy,
  options: ServeOptions,
  context: CommandContext,
): Promise<void> {
  const { out, signal } = context;
  front.serve(server);
  front.watch({ engine: null, chain });
  tellRoles(chain, out);
  const stopPublishing = publishing?.start(chain);
  try {
    tellAddress(out, await front.listen(options.host, options.port), options);
    const stopped = aborted(signal);
    await Promise.all([stopped, input === null ? stopped : ingestInput(chain, input, options, context)]);
  } finally {
    await stopPublishing?.();
    await server.close();
    await front.close();
  }
}

async function ingestInput(
  chain: Chain,
  input: Input,
  { maxBlockBytes }: ServeOptions,
  { out, signal }: CommandContext,
): Promise<void> {
  const progress = new AppendProgress(out, chain, input.totalBytes);
  await asWriter(chain, readLines(input.chunks, maxBlockBytes), { signal, out }, (lines) =>
    appendLines(chain, lines, {
      maxBlockBytes,
      batch: DEFAULT_ENGINE_LIMITS,
      onCommit: (frames) => {
        progress.committed(frames);
      },
      onRefused: ({ code, message, context }) => {
        out.emit({ type: 'warning', code, message, height: context.height ?? null });
      },
      onRollback: ({ height, hash }, dropped) => {
        out.emit({ type: 'rollback', to: { height, hash }, dropped });
      },
      signal,
    }),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    onAbort(signal, resolve);
  });
}
