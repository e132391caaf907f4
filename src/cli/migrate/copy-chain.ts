import type { StorageView } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { SyncError } from '../../errors/index.js';
import { appendAll } from '../append-lines.js';
import { AppendProgress } from '../append-progress.js';
import type { Line } from '../ndjson.js';
import type { Reporter } from '../reporter.js';

/** What is copied. */
export interface Copy {
  readonly source: Chain;
  /** Of the source: what it holds meanwhile is not copied. */
  readonly view: StorageView;
  readonly target: Chain;
  readonly maxBlockBytes: number;
}

/**
 * Appends the blocks that a target lacks, each verified as any block that comes in.
 *
 * @returns how many there were.
 * @throws SyncError `CHAIN_MISMATCH` when the target has other blocks.
 */
export async function copyBlocks(
  { source, view, target, maxBlockBytes }: Copy,
  { out, signal }: { readonly out: Reporter; readonly signal: AbortSignal },
): Promise<number> {
  const from = await firstMissing(source, view, target);
  const to = view.checkpoint.head?.height ?? -1;
  const progress = new AppendProgress(out, target, null);
  async function* lines(): AsyncGenerator<readonly Line[], void, undefined> {
    for await (const frames of view.read({ from, to }, { signal }))
      yield frames.map((frame) => source.decode(frame).bytes);
  }
  await appendAll(target, lines(), { progress, maxBlockBytes, signal });
  progress.tell();
  checkSame(view, target);
  return progress.blocks;
}

async function firstMissing(source: Chain, { checkpoint }: StorageView, target: Chain): Promise<number> {
  const { head } = target.tip();
  if (head === null) return checkpoint.base;
  const held = await source.header(head.height);
  if (held?.hash === head.hash) return head.height + 1;
  const message = `The new store ends with block ${head.height} ${head.hash}, which the old one does not have.`;
  throw new SyncError('CHAIN_MISMATCH', message, { height: head.height });
}

function checkSame({ checkpoint: { base, head } }: StorageView, target: Chain): void {
  const now = target.tip();
  if (head === null || (now.head?.hash === head.hash && now.base <= base)) return;
  const message = `The new store holds the blocks ${now.base} to ${now.head?.height ?? 'none'}, the old one ${base} to ${head.height}.`;
  throw new SyncError('CHAIN_MISMATCH', message, { height: head.height });
}
