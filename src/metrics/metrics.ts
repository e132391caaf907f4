import { Chain } from '../chain/chain.js';
import type { BlockSource, Checkpoint } from '../contracts/index.js';
import { EngineTally } from '../engine/engine-tally.js';
import type { SyncEngine } from '../engine/sync-engine.js';
import type { MetricsPage, WatchedServer } from '../server/metrics-page.js';
import { ServerTally } from '../server/server-tally.js';
import { collectEngine, collectHeights, collectState } from './collect-engine.js';
import { collectServers } from './collect-server.js';
import { Families, type Family, type Labels } from './families.js';
import { OPEN_METRICS, openMetricsText } from './open-metrics.js';
import { type PromRegistry, registerIn } from './prom-client.js';
import { StoreBytes } from './store-bytes.js';

/** Registries ask for one metric after the other: what was collected is good for so long, in milliseconds. */
const SAME_SCRAPE_MS = 100;

/** Where the chain of a server stands. */
type Tipped = Pick<BlockSource, 'tip'>;

/**
 * Figures of one node: of its engine, its chain and its server. They are collected when somebody asks, and cost nothing
 * else.
 */
export class SyncMetrics implements MetricsPage {
  readonly contentType = OPEN_METRICS;
  readonly #labels: Labels;
  readonly #version: string;
  readonly #storeBytes = new StoreBytes();
  /** What engines have counted that are no longer watched. */
  readonly #past = new EngineTally();
  #engine: SyncEngine | null = null;
  #chain: Chain | null = null;
  readonly #servers = new Map<WatchedServer, Tipped>();
  /** What servers have counted that are closed; `null` where there was never one. */
  #pastServers: ServerTally | null = null;
  #last: { readonly atMs: number; readonly families: Promise<readonly Family[]> } | null = null;

  /**
   * Hosts call `createMetrics`.
   *
   * @internal
   */
  constructor(labels: Labels, version: string) {
    this.#labels = labels;
    this.#version = version;
  }

  /**
   * Takes the figures of an engine in, in place of another one, whose counters go on: or those of a chain that no engine
   * syncs into.
   */
  watch(node: SyncEngine | Chain): void {
    if (node instanceof Chain) {
      this.#chain = node;
      return;
    }
    if (this.#engine !== null && this.#engine !== node) this.#past.merge(this.#engine.tally);
    this.#engine = node;
  }

  /** The figures of this moment, in the text form of OpenMetrics 1.0. */
  async text(): Promise<string> {
    return openMetricsText(await this.families());
  }

  /**
   * Puts the metrics into a registry of `prom-client`, beside those of the host; it asks for them when it is scraped.
   *
   * @returns what takes them out.
   */
  register(registry: PromRegistry): () => void {
    return registerIn(registry, () => this.families());
  }

  /** @internal */
  watchServer(server: WatchedServer, source: Tipped): () => void {
    this.#servers.set(server, source);
    this.#pastServers ??= new ServerTally();
    return () => {
      if (this.#servers.delete(server)) this.#pastServers?.merge(server.tally);
    };
  }

  /**
   * The figures of this moment.
   *
   * @internal
   */
  families(): Promise<readonly Family[]> {
    const atMs = performance.now();
    if (this.#last === null || atMs - this.#last.atMs > SAME_SCRAPE_MS)
      this.#last = { atMs, families: this.#collect() };
    return this.#last.families;
  }

  async #collect(): Promise<readonly Family[]> {
    const families = new Families(this.#labels);
    families.add('blockferry_build', 1, { version: this.#version });
    const tip = this.#tip();
    if (tip !== null) collectHeights(families, tip);
    if (this.#engine !== null) collectState(families, this.#engine);
    collectEngine(families, this.#total());
    if (this.#pastServers !== null) this.#collectServers(families, this.#pastServers);
    await this.#collectStore(families, this.#watchedChain);
    return families.all();
  }

  get #watchedChain(): Chain | null {
    return this.#engine?.chain ?? this.#chain;
  }

  /** The chain that is open; else what the engine, or the server, knows of it. */
  #tip(): Partial<Checkpoint> | null {
    const tip = this.#watchedChain?.tip() ?? this.#engine?.state.checkpoint;
    return tip ?? [...this.#servers.values()].at(-1)?.tip() ?? null;
  }

  #collectServers(families: Families, past: ServerTally): void {
    const total = new ServerTally();
    total.merge(past);
    const now = { openStreams: 0, queueBytes: 0 };
    for (const { tally, openStreams } of this.#servers.keys()) {
      total.merge(tally);
      now.openStreams += openStreams;
      now.queueBytes += tally.queueBytes();
    }
    collectServers(families, total, now);
  }

  async #collectStore(families: Families, chain: Chain | null): Promise<void> {
    if (chain === null) return;
    families.add('blockferry_tiles', chain.madeTiles, { action: 'made' });
    families.add('blockferry_store_bytes', await this.#storeBytes.of(chain.directory));
  }

  #total(): EngineTally {
    const total = new EngineTally();
    total.merge(this.#past);
    if (this.#engine !== null) {
      total.merge(this.#engine.tally);
      total.queueBytes = this.#engine.tally.queueBytes;
    }
    if (this.#chain !== null) total.chain.merge(this.#chain.tally);
    return total;
  }
}
