import type { Checkpoint } from '../contracts/index.js';
import type { SnapshotEvent, SyncEvent } from '../engine/events/events.js';
import type { DashboardDocument, ShownImport } from './document.js';
import { Forks } from './forks.js';
import { Growth } from './growth.js';
import { PeerNews } from './peers.js';
import { Samples } from './samples.js';
import { shownServer } from './served.js';
import { shownError, shownRef } from './shown.js';
import type { WatchedChain, WatchedEngine, WatchedNode, WatchedServer } from './watched.js';

const SAMPLE_MS = 1_000;
/** Samples in an update: enough for a page that missed one or two. */
const NEWEST_SAMPLES = 8;
const NO_CHECKPOINT: Checkpoint = { head: null, base: 0, confirmed: null, finalized: null, assumed: null };

/** Listens to a node, and says at any moment what is to be shown of it. What it holds is bounded. */
export class DashboardFeed {
  readonly #onChange: () => void;
  readonly #samples = new Samples({ blocks: 0, bytes: 0 });
  readonly #timer: NodeJS.Timeout;
  readonly #forks = new Forks();
  #peers = new PeerNews();
  #node: WatchedNode = { engine: null, chain: null };
  #server: WatchedServer | null = null;
  #snapshot: ShownImport | null = null;
  readonly #growth = new Growth((dropped) => {
    // An engine tells more of it.
    if (this.#node.engine === null) this.#forks.add({ ...BARE_ROLLBACK, ...dropped, at: Date.now() });
  });
  #stopListening = (): void => undefined;

  /** @param onChange - called at every event that may be of interest; often. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#timer = setInterval(() => {
      this.#samples.take(this.#growth.totals, Date.now());
      onChange();
    }, SAMPLE_MS).unref();
  }

  /** Watches a node in place of the one before; the history of both is shown. */
  watch(node: WatchedNode): void {
    this.#stopListening();
    this.#node = node;
    this.#peers = new PeerNews();
    this.#growth.watch(node.engine?.chain ?? node.chain, this.#onChange);
    this.#stopListening = node.engine === null ? () => undefined : this.#listen(node.engine);
    this.#onChange();
  }

  /** Shows what a server hands on; `null` for none. */
  serve(server: WatchedServer | null): void {
    this.#server = server;
    this.#onChange();
  }

  /** Removes every listener. What was seen last can still be read. */
  close(): void {
    clearInterval(this.#timer);
    this.#stopListening();
    this.#stopListening = () => undefined;
    this.#growth.watch(null, this.#onChange);
  }

  /** The chain that is shown; `null` while there is none. */
  get chain(): WatchedChain | null {
    return this.#node.engine?.chain ?? this.#node.chain;
  }

  /**
   * What is to be shown now.
   *
   * @param which - `newest` leaves out samples that a page has which saw the last ones.
   */
  document(watchers: number, which: 'all' | 'newest'): DashboardDocument {
    const { engine } = this.#node;
    const heights = this.#heights(engine);
    const peers =
      engine === null ? [] : this.#peers.shown(engine.peers, engine.state.peer, heights.here?.height ?? -1);
    return {
      ...{ version: 1, at: Date.now(), watchers },
      ...this.#phase(engine),
      ...heights,
      samples: which === 'all' ? this.#samples.all : this.#samples.newest(NEWEST_SAMPLES),
      peers,
      forks: this.#forks.shown,
      snapshot: this.#snapshot,
      server: shownServer(this.#server),
    };
  }

  #phase(
    engine: WatchedEngine | null,
  ): Pick<DashboardDocument, 'chain' | 'chainId' | 'phase' | 'mode' | 'stale' | 'error' | 'etaMs'> {
    const { chain } = this;
    const named = { chain: chain?.chain ?? null, chainId: chain?.chainId() ?? null };
    if (engine === null)
      return { ...named, phase: 'serving', mode: null, stale: false, error: null, etaMs: null };
    const { phase, mode, stale, error, progress } = engine.state;
    return { ...named, phase, mode, stale, error: shownError(error), etaMs: progress.etaMs };
  }

  #heights(
    engine: WatchedEngine | null,
  ): Pick<DashboardDocument, 'base' | 'top' | 'isClaim' | 'here' | 'confirmed' | 'final' | 'assumed'> {
    const tip = this.chain?.tip() ?? engine?.state.checkpoint ?? NO_CHECKPOINT;
    const here = tip.head?.height ?? -1;
    const top = Math.max(here, ...(engine?.peers ?? []).map(({ head }) => head?.height ?? -1));
    return {
      base: tip.base,
      top: top < 0 ? null : top,
      isClaim: top > here,
      here: shownRef(tip.head),
      confirmed: shownRef(tip.confirmed),
      final: shownRef(tip.finalized),
      assumed: shownRef(tip.assumed),
    };
  }

  #listen(engine: WatchedEngine): () => void {
    const subscription = engine.events.subscribe((event) => {
      this.#note(event);
    });
    let isOver = false;
    // Of what is opened later, and before its first block comes.
    const onOpened = (chain: WatchedChain): void => {
      if (!isOver) this.#growth.watch(chain, this.#onChange);
    };
    if (engine.chain === null) engine.opened().then(onOpened, () => undefined);
    return () => {
      isOver = true;
      subscription.unsubscribe();
    };
  }

  #note(event: SyncEvent): void {
    // One of each block; progress tells of many.
    if (event.type === 'block') return;
    if (event.type === 'peer') this.#peers.note(event);
    else if (event.type === 'snapshot') this.#imported(shownImport(event));
    else if (isForkEvent(event)) this.#forks.note(event, Date.now());
    this.#onChange();
  }

  /** The blocks of a snapshot come beside the chain. */
  #imported(now: ShownImport): void {
    const { importedBlocks, verifiedBytes } = now;
    const before = now.status === 'begun' || now.status === 'resumed' ? now : (this.#snapshot ?? now);
    this.#snapshot = now;
    this.#growth.add({
      blocks: Math.max(0, importedBlocks - before.importedBlocks),
      bytes: Math.max(0, verifiedBytes - before.verifiedBytes),
    });
  }
}

const BARE_ROLLBACK = { kind: 'rollback', ours: null, theirs: null, peer: null } as const;

type ForkEvent = Parameters<Forks['note']>[0];
const FORK_EVENTS: readonly SyncEvent['type'][] = [
  'rollback',
  'rollback-held',
  'equivocation',
  'disagreement',
];

function isForkEvent(event: SyncEvent): event is ForkEvent {
  return FORK_EVENTS.includes(event.type);
}

function shownImport(event: SnapshotEvent): ShownImport {
  const { status, snapshotType, height, verifiedBytes, totalBytes, importedBlocks, totalBlocks } = event;
  return {
    ...{ status, height, verifiedBytes, totalBytes, importedBlocks, totalBlocks },
    type: snapshotType,
    signed: event.signers.length,
    trusted: event.trusted,
  };
}
