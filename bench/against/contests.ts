import type { SyncMode } from '../../src/engine/modes.js';
import type { Program } from '../pair.js';
import type { Way } from '../ways.js';

/** One of the two versions that are compared. */
export interface Side {
  /** Its built modules. */
  readonly dist: string;
  /** Its own store of the workload. */
  readonly store: string;
}

/** What the contests of one workload are made from. */
export interface Arena {
  readonly before: Side;
  readonly after: Side;
  readonly chain: string;
  readonly blocks: number;
  /** The documents, one a line. */
  readonly file: string;
  /** Where a store goes that is made; empty before each run. */
  readonly copy: string;
  readonly seed: number;
}

/** One way of the other version, and this version's ways that are measured beside it in each round. */
export interface Contest {
  readonly name: string;
  readonly before: Way;
  readonly after: readonly Way[];
}

const APPENDED_BLOCKS = 4000;
const READ_BLOCKS = 1000;

/** All contests, by the names that `BENCH_WAYS` can ask for. */
export function contestsOf(arena: Arena): readonly Contest[] {
  return [
    {
      name: 'sync',
      before: stream(arena, arena.before),
      after: [tiles(arena, 0), tiles(arena, 2), stream(arena, arena.after)],
    },
    ...(['run', 'events'] as const).map((by) => ({
      name: by,
      before: consumed(arena, arena.before, by),
      after: [consumed(arena, arena.after, by)],
    })),
    ...(['import', 'append', 'get'] as const).map((name) => ({
      name,
      before: alone(arena, arena.before, name),
      after: [alone(arena, arena.after, name)],
    })),
  ];
}

/** Makes a version's own store of the workload. */
export function importing({ file, chain }: Pick<Arena, 'file' | 'chain'>, side: Side): Program {
  return {
    module: 'against/import-process',
    settings: { file, chain, dist: side.dist, location: side.store },
  };
}

/** In the codec that the server stores, as without a choice. */
function stream(arena: Arena, side: Side): Way {
  return synced(arena, side, { name: 'stream', title: 'stream', mode: 'stream' }, { mode: 'stream' });
}

function tiles(arena: Arena, threads: 0 | 2): Way {
  const shown =
    threads === 0
      ? { name: 'tiles', title: 'tiles, no thread', mode: 'tiles' as const }
      : { name: 'tiles-2', title: 'tiles, two threads', mode: 'tiles' as const };
  return synced(arena, arena.after, shown, { mode: 'auto', threads });
}

/** With somebody who takes all blocks: here as the engine comes. */
function consumed(arena: Arena, side: Side, by: 'run' | 'events'): Way {
  const title = by === 'run' ? '`run`, each block parsed' : '`event.block()` of all blocks';
  const consumer = { by, blocks: arena.blocks };
  if (side === arena.before)
    return synced(arena, side, { name: by, title, mode: 'stream' }, { mode: 'stream' }, consumer);
  return synced(arena, side, { name: by, title, mode: 'tiles' }, {}, consumer);
}

function synced(
  { chain, copy }: Arena,
  { dist, store }: Side,
  shown: { readonly name: string; readonly title: string; readonly mode: SyncMode },
  config: object,
  consumer?: object,
): Way {
  return {
    ...shown,
    chain: 'ours',
    blocks: null,
    server: { module: 'server-process', settings: { location: store, dist } },
    client: { module: 'client-process', settings: { location: copy, dist, chain, config, consumer } },
  };
}

function alone(arena: Arena, { dist, store }: Side, name: 'import' | 'append' | 'get'): Way {
  const { file, chain, copy, seed, blocks } = arena;
  const count = { import: blocks, append: Math.min(APPENDED_BLOCKS, blocks), get: READ_BLOCKS }[name];
  const title = { import: 'import', append: '`append` of one block', get: '`get(height)`, cold' }[name];
  const settings = { file, location: copy, store, dist, chain, blocks: count, seed };
  const client = { module: `against/${name}-process`, settings };
  return { name, title, chain: 'ours', blocks: count, mode: null, server: null, client };
}
