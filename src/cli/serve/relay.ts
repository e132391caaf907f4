import { filter, firstValueFrom } from 'rxjs';
import type { EnginePlan } from '../../config/engine-plan.js';
import { engineOf } from '../../create-engine.js';
import { DEFAULT_RETRY } from '../../engine/backoff.js';
import { isLocal } from '../../engine/peers/failures.js';
import type { SyncEngine } from '../../engine/sync-engine.js';
import { isSyncError, type SyncError } from '../../errors/index.js';
import { sleep } from '../../internal/abort.js';
import { backoffDelayMs } from '../../internal/backoff.js';
import { loggerOf } from '../log.js';
import type { SyncServer } from '../../server/index.js';
import { chainSummary, storeText } from '../chain-summary.js';
import type { CommandContext } from '../run-command.js';
import { type PeerArguments, syncPlan } from '../sync-options.js';
import { type ChainServer, chainServer, type ServerArguments } from './chain-server.js';
import { tellRoles } from './as-writer.js';
import { type Publishing, type PublishingArguments, publishingOf } from './publishing.js';
import { Front, tellAddress } from './front.js';

/** Between two tries of one engine. */
const RETRY = { baseDelayMs: 500, maxDelayMs: 10_000 };

/** Between two engines: nobody was left to ask. */
const ROUNDS = { ...DEFAULT_RETRY, maxDelayMs: 60_000 };

/** What `serve --peer` was told. */
export interface RelayArguments extends PeerArguments, ServerArguments, PublishingArguments {
  readonly maxBlockBytes: number;
  readonly host: string;
  readonly port: number;
}

/** Follows peers, and serves what was verified while it does, until it is stopped or the node itself fails. */
export async function relay(options: RelayArguments, context: CommandContext): Promise<void> {
  const following: Following = { engine: null };
  const isCatchingUp = (): boolean => following.engine?.state.phase !== 'synced';
  const publishing = await publishingOf(options, context);
  const hooks = { isCatchingUp, onSnapshot: () => publishing?.look() };
  const { make: makeServer, authorize } = await chainServer(options, context.out, hooks);
  const plan = await syncPlan(options, { follow: true, retry: RETRY, logger: loggerOf(options.log) });
  const front = new Front({ ui: options.ui, authorize }, context.out);
  try {
    const round = new Relay({ plan, front, makeServer, following, publishing, address: options }, context);
    while (!context.signal.aborted) await round.run();
  } finally {
    await front.close();
  }
}

/** The engine that runs; `null` before the first. */
interface Following {
  engine: SyncEngine | null;
}

interface RelayParts {
  readonly plan: EnginePlan;
  readonly front: Front;
  readonly address: Pick<RelayArguments, 'host' | 'port' | 'ui'>;
  readonly makeServer: ChainServer['make'];
  readonly following: Following;
  readonly publishing: Publishing | null;
}

/** An engine does not ask a peer again that has proved false, a relay does in time: one engine after the other. */
class Relay {
  readonly #parts: RelayParts;
  readonly #context: CommandContext;
  /** Engines in a row that brought no block. */
  #failures = 0;
  #server: SyncServer | null = null;
  #stopPublishing: (() => Promise<void>) | null = null;
  /** The port stays open from one engine to the next. */
  #listening: Promise<void> | null = null;

  constructor(parts: RelayParts, context: CommandContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** Runs one engine to its end. @throws SyncError for what no peer can be blamed for */
  async run(): Promise<void> {
    const engine = engineOf(this.#parts.plan);
    this.#parts.following.engine = engine;
    this.#parts.front.watch({ engine, chain: null });
    this.#report(engine);
    try {
      await Promise.all([engine.start({ signal: this.#context.signal }), this.#serve(engine)]);
    } catch (error) {
      if (!isOfPeer(error)) throw error;
      await this.#pause(engine, error);
    } finally {
      await this.#close(engine);
    }
  }

  #report(engine: SyncEngine): void {
    const { out } = this.#context;
    engine.events.subscribe((event) => {
      out.emit(event);
      if (event.type !== 'phase' || event.phase !== 'synced') return;
      const store = storeText(engine.chain?.tip().head ?? null);
      out.emit({ type: 'step', step: 'following', text: `Up to date; ${store}. Following.` });
    });
  }

  /** The port is opened when it is known whether there is something to serve already. */
  async #serve(engine: SyncEngine): Promise<void> {
    const { front, makeServer, publishing } = this.#parts;
    const opened = engine.opened().then((chain) => {
      this.#server = makeServer(chain, engine);
      front.serve(this.#server);
      tellRoles(chain, this.#context.out);
      this.#stopPublishing = publishing?.start(chain) ?? null;
    });
    await Promise.race([opened, isAsking(engine)]);
    await (this.#listening ??= this.#listen());
    await opened;
    const store = storeText(engine.chain?.tip().head ?? null);
    this.#context.out.emit({ type: 'step', step: 'serving', text: `The chain is known; ${store}.` });
  }

  async #listen(): Promise<void> {
    const { front, address } = this.#parts;
    const url = await front.listen(address.host, address.port);
    tellAddress(this.#context.out, url, this.#parts.address);
  }

  /** Serves on meanwhile what is there. */
  async #pause(engine: SyncEngine, error: SyncError): Promise<void> {
    const { out, signal } = this.#context;
    if (engine.state.progress.blocks > 0) this.#failures = 0;
    this.#failures += 1;
    const { peer = '', retryAfterMs = null } = error.context;
    const delayMs = backoffDelayMs(ROUNDS, this.#failures, retryAfterMs);
    out.emit({ type: 'retry', peer, error, attempt: this.#failures, delayMs });
    await sleep(delayMs, signal);
  }

  async #close(engine: SyncEngine): Promise<void> {
    this.#parts.front.serve(null);
    await this.#stopPublishing?.();
    this.#stopPublishing = null;
    await this.#server?.close();
    this.#server = null;
    const { chain } = engine;
    this.#context.conclude(chain === null ? {} : { ...chainSummary(chain) }, null);
    await engine.close();
  }
}

async function isAsking(engine: SyncEngine): Promise<void> {
  await firstValueFrom(engine.states.pipe(filter(({ phase }) => phase !== 'idle' && phase !== 'opening')), {
    defaultValue: null,
  });
}

/** Whether peers are to blame. What concerns this node's store, state or finality is its operator's, whoever sent it. */
function isOfPeer(error: unknown): error is SyncError {
  if (!isSyncError(error) || error.context.peer === undefined) return false;
  return !isLocal(error) && error.code !== 'BELOW_FINALIZED' && error.code !== 'INTERNAL';
}
