import { seal, sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { jsonRangeTransport } from '../../plugins/transport-json-range/index.js';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import { tileTransport } from '../../plugins/transport-tile/index.js';
import {
  type BlockRef,
  PLUGIN_API_VERSION,
  type StoragePlugin,
  type Transport,
  type TransportDeps,
  type TransportPlugin,
} from '../../src/contracts/index.js';
import type { SyncEngineConfig, SyncEvent } from '../../src/index.js';
import { signing } from './authors.js';
import { held, type VirtualClock } from './clock.js';
import { Follower } from './follower.js';
import { Forgery } from './forgery.js';
import { hasOwnChain, type LieKind, type OwnChain } from './kinds.js';
import { Ledger } from './ledger.js';
import { Lie } from './lies.js';
import { Mint } from './mint.js';
import { MortalStore } from './mortal-store.js';
import { Network } from './network.js';
import { Peer, type PeerOptions } from './peer.js';
import { Watch } from './promises.js';
import type { Random } from './random.js';
import { Served } from './served.js';
import { guarded, MAX_PIN, type Terms } from './terms.js';

/** What a world is made with. */
export interface WorldOptions {
  readonly random: Random;
  readonly terms: Terms;
  /** Replaces parts of the client, to see whether a broken one is noticed. */
  readonly alter: (config: SyncEngineConfig) => SyncEngineConfig;
  /** Sees each event. @returns whether the reader of the events hears of it */
  readonly observe: (event: SyncEvent) => boolean;
}

/** Whose chain a client ended on: `liar` when its newest block is a liar's, `short` when it has less than the source. */
export type Ending = 'source' | 'liar' | 'short';

/** With so many blocks more than there always are, the first 256 are settled. */
const TILED_BLOCKS = 320;

/** Further back than the source ever goes while a client is away. */
const SETTLING = 300;

type Parts = Pick<
  World,
  'terms' | 'mint' | 'ledger' | 'forgeries' | 'peers' | 'network' | 'follower' | 'watch' | 'reported'
>;

/** One source, some servers and one client, in one process and without a socket. */
export class World {
  readonly terms: Terms;
  readonly mint: Mint;
  readonly ledger: Ledger;
  /** The chains of liars. */
  readonly forgeries: readonly Forgery[];
  readonly peers: readonly Peer[];
  readonly network: Network;
  readonly follower: Follower;
  readonly watch: Watch;
  /** Failures that servers have reported. */
  readonly reported: unknown[];
  /** Whether the source has ended shorter than it was. */
  truncated = false;

  private constructor(parts: Parts) {
    this.terms = parts.terms;
    this.mint = parts.mint;
    this.ledger = parts.ledger;
    this.forgeries = parts.forgeries;
    this.peers = parts.peers;
    this.network = parts.network;
    this.follower = parts.follower;
    this.watch = parts.watch;
    this.reported = parts.reported;
  }

  static async make({ random, terms, alter, observe }: WorldOptions): Promise<World> {
    const mint = new Mint(
      random,
      terms.producers ? signing : (record, place) => seal(record, place),
      terms.tiled,
    );
    const ledger = new Ledger(await Served.open(), mint);
    await ledger.append(
      random.int(terms.pin === null ? 1 : MAX_PIN + 1, 60) + (terms.tiled ? TILED_BLOCKS : 0),
    );
    const pin = pinAt(ledger, terms.pin);
    const maker = { random, ledger, mint };
    const byPeer = await forge(terms, (kind) =>
      Forgery.make(kind, maker, terms.below && pin !== null && pin.height > 0 ? pin : null),
    );
    const forgeries = [...new Set(byPeer.flat())];
    ledger.onChange = async () => {
      for (const forgery of forgeries) await forgery.follow();
    };
    const reported: unknown[] = [];
    const named = new Named();
    const peers = terms.lies.map((kind, at) => {
      const own = byPeer[at] ?? [];
      const lie = kind === null ? null : new Lie(kind, { random, ledger, forgery: own[0] ?? null });
      const isAnchor = at === terms.anchor;
      return new Peer({
        ...{ lie, isAnchor, random },
        url: `http://${kind ?? (isAnchor ? 'anchor' : 'honest')}-${at}.test`,
        sources: sourcesOf(kind, ledger, own),
        onError: (error) => reported.push(error),
        onNamed: named.add,
      });
    });
    const network = new Network(peers, random);
    const honest = new Set(peers.flatMap(({ lie, url }) => (lie === null ? [url] : [])));
    const watch = new Watch({ terms, mint, pin, honest, namedBy: named.count });
    const store = new MortalStore();
    const config = { ...clientConfig({ ledger, network, terms, store }), ...guarded(terms, pin) };
    const follower = new Follower({ config: alter(config), store }, watch, observe);
    return new World({ terms, mint, ledger, forgeries, peers, network, follower, watch, reported });
  }

  /** Where the events say that the client is. */
  get ending(): Ending {
    const head = this.follower.view.at(-1);
    if (head === undefined) return 'short';
    if (this.mint.makerOf(head.hash) === 'liar') return 'liar';
    return head.hash === this.ledger.head?.hash ? 'source' : 'short';
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
    const served = [this.ledger.served, ...this.forgeries.map((forgery) => forgery.served)];
    const listeners = served.reduce((sum, each) => sum + each.listeners, 0);
    if (listeners > 0) left.push(`${listeners} listeners stay on the source`);
    if (clock.pending > 0) left.push(`${clock.pending} timers stay behind`);
    for (const { chain } of served) await chain.close();
    return left;
  }
}

/** Who has named which block as its head. */
class Named {
  readonly #urls = new Map<string, Set<string>>();

  readonly add = (hash: string, url: string): void => {
    const urls = this.#urls.get(hash) ?? new Set();
    this.#urls.set(hash, urls.add(url));
  };

  readonly count = (hash: string): number => this.#urls.get(hash)?.size ?? 0;
}

/** A client that knows a block knows one that the source does not go back on. */
function pinAt(ledger: Ledger, height: number | null): BlockRef | null {
  const block = height === null ? undefined : ledger.served.branch[height];
  if (block === undefined) return null;
  ledger.floor = block.height;
  return { height: block.height, hash: block.hash };
}

/** The chains that each peer has of its own. Liars of one kind may have theirs together. */
async function forge(
  { lies, together }: Terms,
  make: (kind: OwnChain) => Promise<Forgery>,
): Promise<readonly (readonly Forgery[])[]> {
  const shared = new Map<LieKind, readonly Forgery[]>();
  const all: (readonly Forgery[])[] = [];
  for (const kind of lies) {
    const old = kind !== null && together ? shared.get(kind) : undefined;
    const own = old ?? (kind !== null && hasOwnChain(kind) ? await forgeOne(kind, make) : []);
    if (kind !== null) shared.set(kind, own);
    all.push(own);
  }
  return all;
}

async function forgeOne(
  kind: OwnChain,
  make: (kind: OwnChain) => Promise<Forgery>,
): Promise<readonly Forgery[]> {
  const first = await make(kind);
  return kind === 'replicas' ? [first, await make(kind)] : [first];
}

function sourcesOf(
  kind: LieKind | null,
  { served }: Ledger,
  own: readonly Forgery[],
): PeerOptions['sources'] {
  const others = own.map((forgery) => forgery.served.source);
  return others.length === 0 || kind === 'replicas' ? [served.source, ...others] : others;
}

/** Tiles are checked while time stands still. */
function holdingTime(plugin: TransportPlugin): TransportPlugin {
  const create = (deps: TransportDeps): Transport => {
    const transport = plugin.create(deps);
    return {
      name: transport.name,
      mode: transport.mode,
      supports: transport.supports,
      status: (peer, options) => transport.status(peer, options),
      close: async () => transport.close?.(),
      open: ({ verifyTile, ...request }, options) =>
        transport.open(
          verifyTile === undefined
            ? request
            : { ...request, verifyTile: (...tile) => held(verifyTile(...tile)) },
          options,
        ),
    };
  };
  return { ...plugin, create };
}

interface ClientParts {
  readonly ledger: Ledger;
  readonly network: Network;
  readonly terms: Terms;
  readonly store: MortalStore;
}

function clientConfig({ ledger, network, terms, store }: ClientParts): SyncEngineConfig {
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
    chainId: ledger.served.chain.chainId(),
    codecs: ['identity'],
    storeCodec: 'identity',
    plugins: [
      sseTransport(),
      jsonRangeTransport({ firstRangeBlocks: 5, targetRangeBytes: 2_000 }),
      holdingTime(tileTransport()),
    ],
    follow: true,
    // The source may go back and forth for minutes while the line is down, and the branch of a liar may leave it anywhere.
    // Where there is none, the client settles blocks and makes tiles itself.
    maxRollbackBlocks:
      terms.tiled && !terms.lies.some((lie) => lie !== null && hasOwnChain(lie)) ? SETTLING : 1_000,
    fetch: network.fetch,
  };
}
