import type { Transport } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import type { SessionFact } from '../session/fact.js';
import { bytesOf } from '../batch-writer.js';
import type { BlockNews } from './block-news.js';
import type { EventHub } from './event-hub.js';
import type { ProgressMeter } from './progress.js';

/** What telling of facts works with. */
export interface PublishDeps {
  readonly hub: EventHub;
  readonly meter: ProgressMeter;
  readonly chain: Chain;
  readonly news: BlockNews;
}

type Fact<K extends SessionFact['kind']> = Extract<SessionFact, { kind: K }>;

/** Where a fact comes from. */
export interface FactSource {
  /** How the blocks came. */
  readonly origin: Transport['mode'];
  /** URL of the peer. */
  readonly peer: string;
}

/** Tells subscribers of a fact. */
export function publishFact(deps: PublishDeps, fact: SessionFact, { origin, peer }: FactSource): void {
  const { hub, meter } = deps;
  switch (fact.kind) {
    case 'durable':
      publishDurable(deps, fact, origin);
      break;
    case 'dropped':
      publishDropped(deps, fact);
      break;
    case 'held':
      hub.emit({ type: 'rollback-held', peer, ours: fact.ours, theirs: fact.theirs });
      break;
    case 'equivocation':
      hub.emit({ type: 'equivocation', peer, ...fact.found });
      break;
    case 'live':
      hub.progress(() => meter.sample(), true);
      break;
    case 'repeat':
      hub.warn('HEIGHT_MISMATCH', `The peer sent block ${fact.height} once more; it was left out.`);
      break;
    case 'fork':
      hub.warn(fact.error.code, fact.error.message);
      break;
  }
}

function publishDurable(
  { hub, meter, chain, news }: PublishDeps,
  { frames, tiles }: Fact<'durable'>,
  origin: Transport['mode'],
): void {
  const bytes = bytesOf({ frames, tiles });
  const last = frames.at(-1);
  if (last !== undefined) meter.add(frames.length, bytes, last.header.height);
  news.stored(frames, origin);
  hub.checkpoint(chain.tip());
  hub.progress(() => meter.sample());
}

function publishDropped({ hub, meter, chain, news }: PublishDeps, { to, dropped }: Fact<'dropped'>): void {
  meter.place(to.height, meter.current().head);
  const told = news.dropped(to.height, dropped);
  if (told.length > 0)
    hub.emit({ type: 'rollback', to: { height: to.height, hash: to.hash }, dropped: told });
  hub.checkpoint(chain.tip());
}
