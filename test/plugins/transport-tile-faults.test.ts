import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Peer, StreamRequest, TileEntry, Transport } from '../../src/contracts/index.js';
import { isSyncError, type SyncError } from '../../src/errors/index.js';
import { ndjson } from '../helpers/sealed-chain.js';
import { bodyOf, chainOf, changed, tileFolder, type TileFolder } from '../helpers/tile-folder.js';
import {
  documentsOf,
  type FileServer,
  type Respond,
  send,
  serveFolder,
  tileAt,
  tileRequest,
  tilesOf,
  transport,
  withOthers,
} from './transport-tile-support.js';
import { run } from './transport-json-range-support.js';

const TILES = 6;
const blocks = chainOf(new Array<number>(TILES * 1024).fill(10));
const others = chainOf(new Array<number>(1024).fill(10), { branch: 'others' });
const whole = ndjson(blocks);

/** What happens to a tile. The first ones may happen to an honest peer; the rest are lies. */
const HARMLESS = ['fine', 'poisoned', 'cut once', 'busy once', 'silent once'] as const;
const LIES = ['tampered', 'short', 'missing', 'false hash', 'false length'] as const;
type Fault = (typeof HARMLESS)[number] | (typeof LIES)[number];
type Faults = readonly Fault[];

const isLie = (fault: Fault): boolean => LIES.some((each) => each === fault);

/** The lines of a peer that has faults. */
function linesOf({ entries }: TileFolder, faults: Faults): readonly TileEntry[] {
  return entries.map((entry, at) => {
    if (faults[at] === 'false hash') return { ...entry, hash: 'e'.repeat(64) };
    return faults[at] === 'false length' ? { ...entry, documentBytes: entry.documentBytes - 1 } : entry;
  });
}

/** Serves a folder with a fault for each tile. */
async function serveFaults(t: ExecutionContext, folder: TileFolder, faults: Faults): Promise<FileServer> {
  const lying = changed(folder, { entries: linesOf(folder, faults) });
  const files = lying.entries.map((entry, at): [string, Uint8Array] => {
    return [tileAt(lying, entry.from), folder.files.get(tileAt(folder, at * 1024)) ?? Buffer.from('')];
  });
  const served = changed(lying, { files });
  const asked = new Map<string, number>();
  return serveFolder(t, served, (request, pass, response) => {
    const at = lying.entries.findIndex(({ from }) => tileAt(lying, from) === request.path);
    const before = asked.get(request.path) ?? 0;
    asked.set(request.path, before + 1);
    const body = files[at]?.[1] ?? Buffer.from('');
    const struck = { body, isFirst: before === 0, isFresh: request.isFresh, response };
    if (STRIKES[faults[at] ?? 'fine']?.(struck) !== true) pass();
  });
}

interface Struck {
  readonly body: Uint8Array;
  readonly isFirst: boolean;
  readonly isFresh: boolean;
  readonly response: Parameters<Respond>[2];
}

function busy(response: Struck['response']): true {
  response.writeHead(503, { 'retry-after': '0' }).end();
  return true;
}

function cut(response: Struck['response'], body: Uint8Array): true {
  response
    .writeHead(200, { 'content-length': body.length })
    .write(body.subarray(0, 99), () => response.destroy());
  return true;
}

/** Each answers a request, or leaves it without an answer; `false` where that is for the file to do. */
const STRIKES: Partial<Record<Fault, (struck: Struck) => boolean>> = {
  tampered: ({ response }) => send(response, bodyOf(others)),
  poisoned: ({ response, isFresh }) => !isFresh && send(response, bodyOf(others)),
  short: ({ response, body }) => send(response, body.subarray(0, body.length >> 1)),
  missing: ({ response }) => send(response, undefined),
  'cut once': ({ response, body, isFirst }) => isFirst && cut(response, body),
  'busy once': ({ response, isFirst }) => isFirst && busy(response),
  'silent once': ({ isFirst }) => isFirst,
};

/** What came of asking peers one after the other, as an engine does. */
interface Synced {
  readonly documents: Buffer;
  readonly isComplete: boolean;
  readonly blamed: ReadonlyMap<string, SyncError>;
}

/** Whether a failure is more than a bad moment. */
const isLasting = (error: SyncError): boolean => !error.info.retryable || error.code === 'PEER_INCONSISTENT';

async function sync(tiles: Transport, servers: readonly FileServer[]): Promise<Synced> {
  const blamed = new Map<string, SyncError>();
  const documents: Buffer[] = [];
  const onPeerFailure = ({ url }: Peer, error: Error): void => {
    if (isSyncError(error) && isLasting(error)) blamed.set(url, error);
  };
  const { signal } = new AbortController();
  let from = 0;
  for (let tries = 0; tries < 10; tries++) {
    const left = servers.filter(({ peer }) => !blamed.has(peer.url));
    // One that was cut or busy may be asked again, after the others.
    const turn = tries % Math.max(1, left.length);
    const [asked, ...rest] = [...left.slice(turn), ...left.slice(0, turn)];
    if (asked === undefined) break;
    const { more } = await withOthers(rest);
    const request: Partial<StreamRequest> = { ...more, from, onPeerFailure };
    const { items, error } = await run(tiles.open(tileRequest(asked.peer, request), { signal }));
    documents.push(documentsOf(items));
    from = (tilesOf(items).at(-1)?.to ?? from - 1) + 1;
    if (error === null || from === blocks.length)
      return { documents: Buffer.concat(documents), isComplete: from === blocks.length, blamed };
    if (error.context.peer !== undefined && isLasting(error)) blamed.set(error.context.peer, error);
  }
  return { documents: Buffer.concat(documents), isComplete: false, blamed };
}

/** Each fault is met in every run of the test, whatever the seed is. */
const EXAMPLES: [{ honest: Fault[]; liars: Fault[][]; at: number }][] = [
  [{ honest: [...HARMLESS, 'fine'], liars: [[...LIES, 'fine']], at: 0 }],
  [
    {
      honest: ['fine', ...HARMLESS],
      liars: [
        ['fine', ...LIES],
        [...LIES, 'fine'],
      ],
      at: 2,
    },
  ],
];

const honest = fc.array(fc.constantFrom<Fault>(...HARMLESS), { minLength: TILES, maxLength: TILES });
const any = fc.array(fc.constantFrom<Fault>(...HARMLESS, ...HARMLESS, ...LIES), {
  minLength: TILES,
  maxLength: TILES,
});

test('whatever other peers do, one honest peer is enough, and only those who lied are blamed', async (t) => {
  const folder = await tileFolder(t, blocks);
  t.is(folder.entries.length, TILES);
  const world = fc.record({ honest, liars: fc.array(any, { minLength: 1, maxLength: 2 }), at: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(world, async ({ honest: own, liars, at }) => {
      const all = [...liars];
      all.splice(at, 0, own);
      const servers: FileServer[] = [];
      for (const faults of all) servers.push(await serveFaults(t, folder, faults));
      const synced = await sync(transport({ hedgeAfterMs: 100 }), servers);
      if (!whole.equals(synced.documents))
        throw new Error(`Other documents came, or ended early: ${synced.documents.length}.`);
      if (!synced.isComplete) throw new Error('It did not end.');
      for (const [index, faults] of all.entries()) {
        const error = synced.blamed.get(servers[index]?.peer.url ?? '');
        if (error !== undefined && !faults.some(isLie)) throw error;
      }
    }),
    { numRuns: 8, examples: EXAMPLES },
  );
});
