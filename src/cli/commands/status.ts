import { Command, Option } from 'commander';
import { DEFAULT_TRANSPORT_LIMITS } from '../../config/limits.js';
import type { BlockRef, Peer, PeerStatus } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { fetchStatusDocument } from '../../internal/http/status.js';
import type { SyncServer } from '../../server/index.js';
import { UsageError } from '../exit.js';
import { type ConnectionArguments, connectionOptions, reach } from '../connection-options.js';
import { OPTION, peerOf, type StoreOptions } from '../options.js';
import { readingStore } from '../open-to-read.js';
import { refText } from '../chain-summary.js';
import { type CommandContext, runCommand } from '../run-command.js';

const EXAMPLES = `
With --json, the one line is the status document of the protocol, with "event":"done" and the exit status.

Examples:
  $ blockferry status --data ./node-a
  $ blockferry status --peer http://127.0.0.1:8080 --json`;

interface StatusOptions extends Pick<StoreOptions, 'data' | 'store' | 'chain'>, ConnectionArguments {
  readonly peer?: Peer;
  readonly json?: boolean;
}

/** What is told of a node, whichever side it is read from. */
interface NodeStatus {
  readonly chain: string;
  readonly proves?: readonly string[] | null;
  readonly authorship?: string | null;
  readonly chainId: string | null;
  readonly base: number;
  readonly head: BlockRef | null;
  readonly finalized: BlockRef | null;
  /** Newest block that came in a snapshot; absent when none did, and for a peer. */
  readonly assumed?: BlockRef;
}

/** `blockferry status`. */
export function command(): Command {
  const command = new Command('status')
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(OPTION.chain())
    .addOption(
      new Option('--peer <url>', 'address of a server').argParser(peerOf).conflicts(['data', 'store']),
    )
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: StatusOptions) => runCommand(options, (context) => status(options, context)));
  for (const option of connectionOptions()) command.addOption(option);
  return command;
}

async function status(options: StatusOptions, context: CommandContext): Promise<void> {
  const { conclude } = context;
  const document = await read(options, context);
  conclude({ ...document }, inWords(document));
}

function read(options: StatusOptions, context: CommandContext): Promise<NodeStatus> {
  const { data, store, peer } = options;
  if (peer !== undefined) return ofPeer(peer, options, context);
  if (data === undefined && store === undefined) throw new UsageError('Give --data, --store or --peer.');
  return ofStore(options, context.signal);
}

async function ofPeer(
  address: Peer,
  options: StatusOptions,
  { out, signal }: CommandContext,
): Promise<NodeStatus> {
  const limits = DEFAULT_TRANSPORT_LIMITS;
  const { peers, connection } = await reach([address], options, out);
  const [peer = address] = peers;
  const { createHttp1Client } = await import('../../http1-client/index.js');
  const http = createHttp1Client(limits, connection);
  const document = await fetchStatusDocument({ fetch: http.fetch, limits }, peer, signal).finally(() =>
    http.close(),
  );
  if (document !== null) return { ...document.members, ...withoutLimits(document.status) };
  throw new SyncError('PEER_NOT_FOUND', 'The server has no status document.', { peer: peer.url });
}

/** What a status document has under `limits` is told there. */
function withoutLimits(status: PeerStatus): Omit<PeerStatus, 'maxRange' | 'maxWaitMs'> {
  const shown = Object.entries(status).filter(([name]) => name !== 'maxRange' && name !== 'maxWaitMs');
  return Object.fromEntries(shown) as Omit<PeerStatus, 'maxRange' | 'maxWaitMs'>;
}

async function ofStore(
  place: Pick<StoreOptions, 'data' | 'store' | 'chain'>,
  signal: AbortSignal,
): Promise<NodeStatus> {
  return readingStore(place, { command: 'status', signal }, async (chain) => {
    const { createSyncServer } = await import('../../server/index.js');
    const server = createSyncServer({ source: chain });
    try {
      const status = await toldBy(server, signal);
      const { assumed } = chain.tip();
      return assumed === null ? status : { ...status, assumed };
    } finally {
      await server.close();
    }
  });
}

/** What a client of the server would be told: it has been looked at how far the tiles go. */
async function toldBy(server: SyncServer, signal: AbortSignal): Promise<NodeStatus> {
  const query = new URLSearchParams();
  const request = { method: 'GET', path: '/status', query, header: () => null, clientKey: '' };
  const { body } = await server.handle(request, { signal });
  return JSON.parse(Buffer.from(body as Uint8Array).toString()) as NodeStatus;
}

function inWords({
  chain,
  proves,
  authorship,
  chainId,
  base,
  head,
  finalized,
  assumed,
}: NodeStatus): readonly string[] {
  return [
    `rules:     ${chain}`,
    ...(Array.isArray(proves)
      ? [`proved:    ${proves.join(', ')}; authors: ${authorship ?? 'not said'}`]
      : []),
    `chain:     ${chainId ?? 'not known yet'}`,
    `base:      block ${base}`,
    `head:      ${head === null ? 'no block yet' : refText(head)}`,
    `finalized: ${finalized === null ? 'nothing' : refText(finalized)}`,
    ...(assumed === undefined ? [] : [`assumed:   up to ${refText(assumed)}, which came in a snapshot`]),
  ];
}
