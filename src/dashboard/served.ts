import { isObject } from '../internal/options/index.js';
import type { ShownServer } from './document.js';
import { shortened } from './shown.js';
import type { WatchedServer } from './watched.js';

/** Of lists that are longer, the rest is not shown. */
const MAX_LISTED = 20;

/** What a server hands on. */
export function shownServer(server: WatchedServer | null): ShownServer | null {
  if (server === null) return null;
  const { tiles, snapshots, signers } = server.status() as Readonly<Record<string, unknown>>;
  return {
    openStreams: server.openStreams,
    maxStreams: server.limits.maxStreams,
    tiles: isObject(tiles) ? { from: Number(tiles['from']), to: Number(tiles['to']) } : null,
    snapshots: listOf(snapshots).filter(isObject).map(snapshotOf),
    signers: listOf(signers).map((key) => shortened(String(key))),
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_LISTED) : [];
}

function snapshotOf(snapshot: Readonly<Record<string, unknown>>): ShownServer['snapshots'][number] {
  const { type, height, id } = snapshot;
  return { type: shortened(String(type)), height: Number(height), id: shortened(String(id)) };
}
