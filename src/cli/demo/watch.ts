import type { BlockRef } from '../../contracts/index.js';
import type { ProgressEvent, SnapshotEvent } from '../../engine/events/events.js';
import { SyncError } from '../../errors/index.js';
import type { Reporter } from '../reporter.js';
import type { NodeEvent, NodeProcess } from './node-process.js';

/** Waits until a `serve` process listens. The rest of what it tells is left to be drained when it ends. */
export async function serverUrl(node: NodeProcess): Promise<string> {
  const { value } = await node.events().next();
  if (value?.event === 'listening') return value['url'] as string;
  await node.succeeded();
  throw new SyncError('INTERNAL', 'The server ended before it served anything.');
}

/** How a `sync` process got on. */
export interface Followed {
  /** Blocks it fetched, when it came to its end. */
  readonly blocks: number;
  /** The durable height at which it was left running; `null` when it ended first. */
  readonly stoppedAt: number | null;
  /** What was shown of it last, a quarter of a second ago or less; `null` when nothing was. */
  readonly shown: ProgressEvent | null;
}

/** Shows the progress of a `sync` process until it ends or has made `until` durable. */
export async function followSync(node: NodeProcess, out: Reporter, until: number | null): Promise<Followed> {
  let blocks = 0;
  let shown: ProgressEvent | null = null;
  for await (const event of node.events()) {
    if (event.event === 'progress') out.emit((shown = progressOf(event)));
    if (event.event === 'done') blocks = event['blocks'] as number;
    const height = event.event === 'checkpoint' ? (event['head'] as BlockRef).height : -1;
    if (until !== null && height >= until) return { blocks, stoppedAt: height, shown };
  }
  return { blocks, stoppedAt: null, shown };
}

/** Shows how a `sync` process takes a snapshot until it ends; tells what it imported and how much it fetched. */
export async function followImport(
  node: NodeProcess,
  out: Reporter,
): Promise<{ readonly imported: number; readonly bytes: number }> {
  let imported = 0;
  let bytes = 0;
  for await (const event of node.events()) {
    if (event.event === 'snapshot') {
      const told = { ...(event as unknown as Omit<SnapshotEvent, 'type'>), type: 'snapshot' } as const;
      if (told.status === 'progress' || told.status === 'imported') out.emit({ ...told, status: 'progress' });
      bytes = told.totalBytes;
    }
    if (event.event === 'done') imported = event['imported'] as number;
  }
  return { imported, bytes };
}

function progressOf(event: NodeEvent): ProgressEvent {
  return { ...(event as unknown as Omit<ProgressEvent, 'type'>), type: 'progress' };
}
