import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { Chain } from '../../engine/chain.js';
import { DEFAULT_ENGINE_LIMITS } from '../../engine/engine-parts.js';
import { SyncError } from '../../errors/index.js';
import { openChain } from '../../open-chain.js';
import { createSyncServer, nodeListener, type SyncServerConfig } from '../../server/index.js';
import { appendLines } from '../append-lines.js';
import { AppendProgress } from '../append-progress.js';
import { failureOf, UsageError } from '../exit.js';
import { type Input, openInput } from '../input.js';
import { readLines } from '../ndjson.js';
import { finalityOf, OPTION, port, positive, storeConfig, type StoreOptions } from '../options.js';
import { placeOf } from '../place.js';
import type { Reporter } from '../reporter.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { stateConfig } from '../state-module.js';

/** Small, so that requests are answered between two chunks. */
const INGEST_CHUNK_BYTES = 64 * 1024;

const EXAMPLES = `
The routes are below /sync: /sync/status, /sync/stream, /sync/json, and with --key /sync/snapshot. With --ingest, blocks
are appended as their lines arrive, also to a new store. A block that stands on an older one than the head makes the
chain go back to that one, unless it is below the finalized block (see --finality-depth). A line that is refused is reported
and left out, and the server goes on. A store that is made with --state needs it whenever blocks are added. SIGTERM and Ctrl-C stop it.

Examples:
  $ blockferry serve --data ./node-a
  $ blockferry serve --data ./node-a --host 0.0.0.0 --port 9000
  $ blockferry serve --data ./node-a --key ./snapshot.key --snapshot-every 10000
  $ producer | blockferry serve --data ./node-a --ingest -
  $ producer | blockferry serve --data ./node-a --ingest - --state ./ledger.js
  $ blockferry serve --data ./eth --chain ethereum --ingest blocks.fifo`;

interface ServeOptions extends StoreOptions {
  readonly host: string;
  readonly port: number;
  readonly ingest?: string;
  readonly key?: string;
  readonly snapshotEvery?: number;
  readonly maxBlockBytes: number;
  readonly state?: string;
  readonly finalityDepth?: number;
  readonly json?: boolean;
}

/** `blockferry serve`. */
export function command(): Command {
  return new Command('serve')
    .addOption(OPTION.data())
    .addOption(new Option('--host <host>', 'address to listen at').default('127.0.0.1'))
    .addOption(
      new Option('--port <port>', 'port to listen at; 0 picks a free one').argParser(port).default(8080),
    )
    .addOption(
      new Option('--ingest <file>', 'NDJSON of blocks to append: a file, a FIFO, or - for standard input'),
    )
    .addOption(OPTION.chain())
    .addOption(OPTION.base())
    .addOption(new Option('--key <file>', 'make and serve snapshots, signed with this key (see keygen)'))
    .addOption(
      new Option(
        '--snapshot-every <n>',
        'make a new snapshot after so many blocks (default: at the first request)',
      ).argParser(positive),
    )
    .addOption(OPTION.state())
    .addOption(OPTION.finalityDepth())
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: ServeOptions) =>
      runCommand({ json: options.json, endsByTerm: true }, (context) => serve(options, context)),
    );
}

async function serve(options: ServeOptions, context: CommandContext): Promise<void> {
  const { ingest, key, snapshotEvery } = options;
  if (snapshotEvery !== undefined && key === undefined) throw new UsageError('--snapshot-every needs --key.');
  const state = await stateConfig(options.state);
  const input = ingest === undefined ? null : openInput(ingest, INGEST_CHUNK_BYTES, context.signal);
  try {
    const chain = await openChain({
      ...storeConfig(options, input !== null),
      ...state,
      finality: finalityOf(options),
    });
    try {
      await serveChain(chain, input, options, context);
    } finally {
      context.conclude({ ...placeOf(chain) }, null);
      await chain.close();
    }
  } finally {
    input?.close();
  }
}

async function serveChain(
  chain: Chain,
  input: Input | null,
  options: ServeOptions,
  context: CommandContext,
): Promise<void> {
  const { out, signal } = context;
  const snapshots = await snapshotOptions(options, out);
  const handler = createSyncServer({
    source: chain,
    snapshots,
    limits: { maxBlockBytes: options.maxBlockBytes },
    onError: (error) => {
      const { message, height } = failureOf(error);
      out.emit({ type: 'warning', code: 'INTERNAL', message, height });
    },
  });
  const server = createServer(nodeListener(handler, { path: '/sync' }));
  try {
    out.emit({ type: 'listening', url: await listen(server, options) });
    const stopped = aborted(signal);
    await Promise.all([stopped, input === null ? stopped : ingestInput(chain, input, options, context)]);
  } finally {
    await handler.close();
    await close(server);
  }
}

/** Snapshots are served when there is a key to sign them with. */
async function snapshotOptions(
  { data, key, snapshotEvery }: ServeOptions,
  out: Reporter,
): Promise<NonNullable<SyncServerConfig['snapshots']> | null> {
  if (key === undefined) return null;
  const { readKeyFile } = await import('../../../plugins/signer-secp256k1/index.js');
  return {
    signer: await readKeyFile(key),
    directory: join(data, 'snapshots'),
    every: snapshotEvery ?? null,
    onEvent: (event) => {
      if (event.kind === 'finished') {
        const { id, height, size } = event.manifest;
        out.emit({ type: 'built', id, height, size, elapsedMs: Math.round(event.elapsedMs) });
      } else if (event.kind === 'failed' || event.kind === 'unusable') {
        const { message, height } = failureOf(event.error);
        out.emit({ type: 'warning', code: 'INTERNAL', message, height });
      }
    },
  };
}

async function ingestInput(
  chain: Chain,
  input: Input,
  { maxBlockBytes }: ServeOptions,
  { out, signal }: CommandContext,
): Promise<void> {
  const progress = new AppendProgress(out, chain, input.totalBytes);
  await appendLines(chain, readLines(input.chunks, maxBlockBytes), {
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
  });
}

function listen(server: Server, { host, port: wanted }: ServeOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenError(error, host, wanted));
    });
    server.listen(wanted, host, () => {
      const name = host.includes(':') ? `[${host}]` : host;
      resolve(`http://${name}:${(server.address() as AddressInfo).port}`);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, wanted: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new SyncError('PORT_IN_USE', `Port ${wanted} of ${host} is taken.`, { cause: error });
  }
  return new UsageError(`Listening at ${host}, port ${wanted}, failed: ${error.message}.`, { cause: error });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
