import type { BlockRef, Frame, Transport } from '../../contracts/index.js';
import { StoredBlockEvent } from './block-event.js';
import type { Chain } from '../../chain/chain.js';
import type { EventHub } from './event-hub.js';
import type { ProgressMeter } from './progress.js';

/** What telling of changes works with. */
export interface PublishDeps {
  readonly hub: EventHub;
  readonly meter: ProgressMeter;
}

/** Tells of a durable batch. */
export function publishFrames(
  { hub, meter }: PublishDeps,
  chain: Chain,
  frames: readonly Frame[],
  origin: Transport['mode'],
): void {
  let bytes = 0;
  for (const frame of frames) bytes += frame.bytes.byteLength;
  const last = frames.at(-1);
  if (last !== undefined) meter.add(frames.length, bytes, last.header.height);
  if (hub.observed) for (const frame of frames) hub.emit(new StoredBlockEvent(chain, frame, origin));
  hub.checkpoint(chain.tip());
  hub.progress(() => meter.sample());
}

/** Tells of dropped blocks. */
export function publishRollback(
  { hub, meter }: PublishDeps,
  chain: Chain,
  to: BlockRef,
  dropped: readonly BlockRef[],
): void {
  meter.place(to.height, meter.current().head);
  hub.emit({ type: 'rollback', to: { height: to.height, hash: to.hash }, dropped });
  hub.checkpoint(chain.tip());
}
