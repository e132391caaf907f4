import type { SyncMode } from '../src/engine/modes.js';
import type { Program } from './pair.js';
import { goProgram } from './rivals/go-program.js';

/** One way to bring a chain from a server to a client. */
export interface Way {
  readonly name: string;
  /** For people, in a table's first column. */
  readonly title: string;
  /** Whose chain it brings: ours (with our hashes), the plain design's, or none but the number of blocks. */
  readonly chain: 'ours' | 'plain';
  /** Only so many of the blocks, where all would take too long; `null` for all. */
  readonly blocks: number | null;
  /** The engine's mode that its client has to take first; `null` where there is no engine. */
  readonly mode: SyncMode | null;
  /** `null` for what reads from memory. */
  readonly server: Program | null;
  readonly client: Program;
}

/** What the ways of one workload are made from. */
export interface Place {
  readonly workload: string;
  readonly chain: string;
  readonly blocks: number;
  /** Our store, with a snapshot of it. */
  readonly store: string;
  /** The plain design's chain. */
  readonly plain: string;
  /** Where a client's store goes; empty before each run. */
  readonly copy: string;
}

/** The plain design as it stands waits so long after each block. */
const PAUSE_MS = 10;
const PAUSED_BLOCKS = 300;

/** All ways that are measured beside each other, in the order of the table. */
export function waysOf(place: Place): readonly Way[] {
  return [...ours(place), ...plain(place), ...plainInGo(place), ...libraries(place), floor(place)];
}

/** Our ways, with full verification and synced commits. */
export function ours({ store, copy, chain }: Pick<Place, 'store' | 'copy' | 'chain'>): readonly Way[] {
  const way = (name: string, title: string, mode: SyncMode, client: object, server: object = {}): Way => ({
    name,
    title,
    chain: 'ours',
    blocks: null,
    mode,
    server: { module: 'server-process', settings: { location: store, snapshots: true, ...server } },
    client: { module: 'client-process', settings: { location: copy, chain, ...client } },
  });
  return [
    way('tiles', 'tiles, no thread', 'tiles', { config: { mode: 'auto', threads: 0 } }),
    way('tiles-2', 'tiles, two threads', 'tiles', { config: { mode: 'auto', threads: 2 } }),
    way('stream', 'stream, gzip', 'stream', { config: { mode: 'stream', codecs: ['gzip'] } }),
    way('identity', 'stream, identity', 'stream', { config: { mode: 'stream', codecs: ['identity'] } }),
    way('ranges', 'ranges', 'json', { config: { mode: 'json' } }, { tiles: false }),
    way('snapshot', 'snapshot', 'snapshot', { config: { mode: 'snapshot' }, trusts: true }),
  ];
}

/** The plain design's server; it holds all blocks as objects, so it may need much memory. */
export function plainServer(file: string, blocks: number | null = null, pauseMs = 0): Program {
  return {
    module: 'rivals/plain-server-process',
    settings: { file, blocks, pauseMs },
    nodeOptions: ['--max-old-space-size=16384'],
  };
}

function plain({ plain: file, copy, blocks }: Place): readonly Way[] {
  const client = (way: 'stream' | 'json'): Program => ({
    module: 'rivals/plain-client-process',
    settings: { location: copy, way },
  });
  const paused = Math.min(PAUSED_BLOCKS, blocks);
  const chain = 'plain';
  return [
    {
      name: 'plain',
      title: 'plain',
      chain,
      blocks: null,
      mode: null,
      server: plainServer(file),
      client: client('stream'),
    },
    {
      name: 'plain-paused',
      title: `plain, pause of ${PAUSE_MS} ms a block (first ${paused} blocks)`,
      chain,
      blocks: paused,
      mode: null,
      server: plainServer(file, paused, PAUSE_MS),
      client: client('stream'),
    },
    {
      name: 'plain-json',
      title: 'plain, JSON ranges of 100',
      chain,
      blocks: null,
      mode: null,
      server: plainServer(file),
      client: client('json'),
    },
  ];
}

/** Where Go is installed. */
function plainInGo({ plain: file, copy: location }: Place): readonly Way[] {
  const program = goProgram();
  if (program === null) return [];
  const module = 'rivals/go-process';
  return [
    {
      name: 'go',
      title: 'plain, in Go, stored in a flat file',
      chain: 'plain',
      blocks: null,
      mode: null,
      server: { module, settings: { program, file, location: null } },
      client: { module, settings: { program, file: null, location } },
    },
  ];
}

function libraries({ store, chain }: Place): readonly Way[] {
  return ['eventsource', 'undici'].map((library) => ({
    name: library,
    title: `\`EventSource\` of ${library} on our stream, nothing stored`,
    chain: 'ours',
    blocks: null,
    mode: null,
    server: { module: 'server-process', settings: { location: store } },
    client: {
      module: 'rivals/events-client-process',
      settings: { library, chain },
      nodeOptions: ['--disable-warning=UNDICI-ES'],
    },
  }));
}

function floor({ workload, blocks }: Place): Way {
  const client = { module: 'rivals/floor-process', settings: { workload, blocks } };
  return { name: 'floor', title: 'floor', chain: 'plain', blocks: null, mode: null, server: null, client };
}
