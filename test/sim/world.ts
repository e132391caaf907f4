import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { jsonRangeTransport } from '../../plugins/transport-json-range/index.js';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import { PLUGIN_API_VERSION, type StoragePlugin } from '../../src/contracts/index.js';
import type { SyncEngineConfig, SyncEvent } from '../../src/index.js';
import type { VirtualClock } from './clock.js';
import { Follower } from './follower.js';
import { Ledger } from './ledger.js';
import { Lie, type LieKind } from './lies.js';
import { Network } from './network.js';
import { Peer } from './peer.js';
import type { Random } from './random.js';

/** What a world is made with. */
export interface WorldOptions {
  readonly random: Random;
  readonly clock: VirtualClock;
  /** Ways to lie; none makes all peers honest. */
  readonly lies: readonly LieKind[];
  /** Replaces parts of the client, to see whether a broken one is noticed. */
  readonly alter: (config: SyncEngineConfig) => SyncEngineConfig;
  /** Sees each event. @returns whether the reader of the events hears of it */
  readonly observe: (event: SyncEvent) => boolean;
}

const MAX_PEERS = 4;
const LIAR_SHARE = 0.4;

/** One source, some servers and one client, in one process and without a socket. */
export class World {
  readonly ledger: Ledger;
  readonly peers: readonly Peer[];
  readonly network: Network;
  readonly follower: Follower;
  /** Failures that servers have reported. */
  readonly reported: unknown[];

  private constructor(parts: Pick<World, 'ledger' | 'peers' | 'network' | 'follower' | 'reported'>) {
    this.ledger = parts.ledger;
    this.peers = parts.peers;
    this.network = parts.network;
    this.follower = parts.follower;
    this.reported = parts.reported;
  }

  static async make(options: WorldOptions): Promise<World> {
    const { random } = options;
    const ledger = await Ledger.open(random);
    await ledger.append(random.int(1, 60));
    const reported: unknown[] = [];
    const peers = makePeers(options, ledger, (error) => reported.push(error));
    const network = new Network(peers, random);
    const store = new MemoryStorage();
    const config = clientConfig(ledger, network, store);
    const follower = new Follower(options.alter(config), options.observe);
    return new World({ ledger, peers, network, follower, reported });
  }

  /** Closes what is left, the client first. @returns what stayed behind. */
  async close(clock: VirtualClock): Promise<readonly string[]> {
    await this.follower.stop();
    await clock.until(() => this.network.waiting === 0, 1_000);
    const left: string[] = [];
    const streams = this.peers.reduce((sum, peer) => sum + peer.openStreams, 0);
    const open = this.network.lines.reduce((sum, line) => sum + line.connections.size, 0);
    if (streams > 0) left.push(`${streams} streams are open on the servers after the client was closed`);
    if (open > 0) left.push(`${open} bodies are open after the client was closed`);
    if (this.network.waiting > 0)
      left.push(`${this.network.waiting} requests wait after the client was closed`);
    for (const peer of this.peers) await peer.close();
    if (this.ledger.listeners > 0) left.push(`${this.ledger.listeners} listeners stay on the source`);
    if (clock.pending > 0) left.push(`${clock.pending} timers stay behind`);
    await this.ledger.chain.close();
    return left;
  }
}

/** The peer that has to stay honest stands at a random place. */
function makePeers(
  { random, lies }: WorldOptions,
  { source }: Ledger,
  onError: (error: unknown) => void,
): readonly Peer[] {
  const count = random.int(1, MAX_PEERS);
  const honest = random.int(0, count - 1);
  return Array.from({ length: count }, (_each, at) => {
    const isAnchor = at === honest;
    const isLiar = !isAnchor && lies.length > 0 && random.chance(LIAR_SHARE);
    const lie = isLiar ? new Lie(random.pick(lies), random) : null;
    const name = lie?.kind ?? (isAnchor ? 'anchor' : 'honest');
    return new Peer(`http://${name}-${at}.test`, source, { lie, isAnchor, onError });
  });
}

function clientConfig(ledger: Ledger, network: Network, store: MemoryStorage): SyncEngineConfig {
  // A client that is started anew finds its blocks again.
  const storage: StoragePlugin = {
    kind: 'storage',
    name: 'memory',
    apiVersion: PLUGIN_API_VERSION,
    create: () => store,
  };
  return {
    peers: network.lines.map(({ peer }) => peer.url),
    storage,
    chain: sealedJson(),
    chainId: ledger.chain.chainId(),
    codecs: ['identity'],
    storeCodec: 'identity',
    plugins: [sseTransport(), jsonRangeTransport({ firstRangeBlocks: 5, targetRangeBytes: 2_000 })],
    follow: true,
    // The source may go back and forth for minutes while the line is down.
    maxRollbackBlocks: 1_000,
    fetch: network.fetch,
  };
}
