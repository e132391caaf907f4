import { parseManifest } from '../../../plugins/transport-snapshot/manifest.js';
import type { Peer, SnapshotManifest, TileEntry, TransportDeps } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { asBlockRef, asObject, isHeight, parseJsonObject } from '../../internal/http/shape.js';
import { pagePath, PAGE_HEIGHTS } from '../../tiles/name.js';
import { type Answer, ask } from './answer.js';
import { indexEntries } from './checks/index-lines.js';
import { linesOf } from './lines.js';
import { toolsFor, type Tools } from './tools.js';

const PLAIN = { 'accept-encoding': 'identity' };
type Members = Readonly<Record<string, unknown>>;

/** Where a server has no status document: what every one has. */
const ASSUMED: Members = { base: 0, codecs: { stream: ['gzip'], json: ['identity'] } };

const WITHIN_MS = 10_000;

/** What a server says of itself, and what of its chain answers are compared with. */
export interface Facts {
  readonly base: number;
  readonly head: { readonly height: number; readonly hash: string } | null;
  readonly finalized: number | null;
  readonly codecs: Readonly<Record<'stream' | 'json' | 'frames' | 'snapshot', readonly string[]>>;
  readonly limits: Members;
  /** The last height in tiles; `null` for none. */
  readonly lastTile: number | null;
  readonly snapshot: { readonly id: string; readonly type: string; readonly height: number } | null;
  /** The first blocks, as they are sent one a line; empty where that can't be had. */
  readonly samples: readonly Uint8Array[];
  /** The tile of fewest bytes in the newest page; `null` where that can't be had. */
  readonly tile: TileEntry | null;
  /** The same with a body in zstd. */
  readonly tileZstd: TileEntry | null;
  readonly manifest: SnapshotManifest | null;
  readonly tools: Tools;
}

/** How facts are asked for. */
export interface Asking {
  readonly deps: TransportDeps;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  /**
   * Longest time for what is asked for before the cases, each, in milliseconds.
   *
   * @defaultValue 10,000
   */
  readonly withinMs?: number;
}

/**
 * Finds out what a server offers. What can't be had is nothing: a case says what is wrong with it.
 *
 * @throws SyncError `PEER_UNREACHABLE`, `PEER_CERTIFICATE`, `PEER_TIMEOUT`, `PEER_UNAUTHORIZED`, `PEER_NOT_FOUND`, `ABORTED`
 */
export async function factsOf(asking: Asking): Promise<Facts> {
  const answer = await reached(asking);
  const status = answer.status === 200 ? parseJsonObject(answer.body) : null;
  const said = saidBy(status ?? ASSUMED);
  const known = status === null ? { ...said, head: await plainHead(asking, answer) } : said;
  const lines = known.lastTile === null ? [] : await entries(asking, known.lastTile);
  return {
    ...known,
    samples: await samples(asking, known),
    tile: smallest(lines),
    tileZstd: smallest(lines.filter(({ otherBytes = {} }) => otherBytes['zstd'] !== undefined)),
    manifest: known.snapshot === null ? null : await manifestOf(asking, known.snapshot.id),
    tools: await toolsFor(textOf((status ?? ASSUMED)['chain'])),
  };
}

/** The hash of the head at this moment; `null` for none. @throws SyncError `ABORTED` */
export async function headHash(asking: Asking): Promise<string | null> {
  const status = await get(asking, '/status');
  if (status !== null) return asBlockRef(parseJsonObject(status)?.['head'])?.hash ?? null;
  const stream = await get(asking, STREAM);
  return stream === null ? null : (headOf(stream)?.hash ?? null);
}

/** What a status document says. */
type Said = Omit<Facts, 'samples' | 'tile' | 'tileZstd' | 'manifest' | 'tools'>;

function saidBy(members: Members): Said {
  return {
    base: isHeight(members['base']) ? members['base'] : 0,
    head: asBlockRef(members['head']),
    finalized: asBlockRef(members['finalized'])?.height ?? null,
    codecs: codecsOf(asObject(members['codecs']) ?? {}),
    limits: asObject(members['limits']) ?? {},
    lastTile: lastTileOf(asObject(members['tiles']) ?? {}),
    snapshot: snapshotOf(members),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function lastTileOf({ from, to }: Members): number | null {
  return isHeight(from) && isHeight(to) && from <= to ? to : null;
}

/** The first height of the page that has the newest tile. */
export function pageOf(height: number): string {
  return pagePath(height - (height % PAGE_HEIGHTS));
}

/** What a server answers who is asked for its status. Nothing can be said of one that does not answer, or not to us. */
async function reached({ deps, peer, signal, withinMs = WITHIN_MS }: Asking): Promise<StatusAnswer> {
  const asked = { method: 'GET', target: '/status', headers: PLAIN, read: null } as const;
  const deadline = AbortSignal.timeout(withinMs);
  try {
    const answer = await ask(deps, peer, asked, AbortSignal.any([signal, deadline]));
    answer.close();
    if (![401, 403].includes(answer.status)) return answer;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted)
      throw new SyncError('PEER_TIMEOUT', `${peer.url} did not send its status within ${withinMs} ms.`);
    if (isSyncError(error)) throw error;
    // A body that has no end, or breaks off: the case of the status says so.
    return { status: 200, body: new Uint8Array() };
  }
  throw new SyncError('PEER_UNAUTHORIZED', `${peer.url} refuses this client.`, { peer: peer.url });
}

type StatusAnswer = Pick<Answer, 'status' | 'body'>;

/** The head of a server without a status. @throws SyncError `PEER_NOT_FOUND` for one that has nothing else either */
async function plainHead(asking: Asking, { status }: StatusAnswer): Promise<Facts['head']> {
  const stream = await get(asking, STREAM);
  if (stream !== null) return headOf(stream);
  if (status === 200 || (await get(asking, RANGE)) !== null) return null;
  const { url } = asking.peer;
  const message = url.startsWith('file:')
    ? `There is no file status in ${url}: a folder that \`blockferry publish\` wrote has one.`
    : `There is no status at ${url}/status (${status}), nor a stream or a range beside it.`;
  throw new SyncError('PEER_NOT_FOUND', message, { peer: url });
}

async function get(
  { deps, peer, signal, withinMs = WITHIN_MS }: Asking,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Uint8Array | null> {
  try {
    const asked = { method: 'GET', target, headers: { ...PLAIN, ...headers }, read: null } as const;
    const answer = await ask(deps, peer, asked, AbortSignal.any([signal, AbortSignal.timeout(withinMs)]));
    answer.close();
    return answer.status === 200 ? answer.body : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** From above every head: it is complete with the head. */
const STREAM = `/stream?from_height=${Number.MAX_SAFE_INTEGER}`;
const RANGE = '/json?from=0&to=0';

function headOf(stream: Uint8Array): Facts['head'] {
  const [, data] = /^event: complete\ndata: (.*)$/m.exec(Buffer.from(stream).toString()) ?? [];
  return data === undefined ? null : asBlockRef(parseJsonObject(Buffer.from(data)));
}

function codecsOf(members: Members): Facts['codecs'] {
  const list = (use: string): readonly string[] => {
    const names = members[use];
    return Array.isArray(names) ? names.filter((name: unknown) => typeof name === 'string') : [];
  };
  return { stream: list('stream'), json: list('json'), frames: list('frames'), snapshot: list('snapshot') };
}

function snapshotOf(members: Members): Facts['snapshot'] {
  const list: readonly unknown[] = Array.isArray(members['snapshots']) ? members['snapshots'] : [];
  const { id, type, height } = asObject(list[0]) ?? {};
  if (typeof id !== 'string' || typeof type !== 'string' || !isHeight(height)) return null;
  return { id, type, height };
}

async function samples(asking: Asking, { base, head, codecs }: Said): Promise<readonly Uint8Array[]> {
  const to = Math.min(base + 2, head?.height ?? -1);
  if (codecs.json.length === 0 || to < base) return [];
  const accept = { accept: 'application/x-ndjson' };
  const bytes = await get(asking, `/json?from=${base}&to=${to}`, accept);
  const lines = parsedBy(linesOf, bytes) ?? [];
  return lines.length === to - base + 1 ? lines : [];
}

async function entries(asking: Asking, lastTile: number): Promise<readonly TileEntry[]> {
  const bytes = await get(asking, `/tiles/${pageOf(lastTile)}/index.ndjson`);
  return parsedBy(indexEntries, bytes) ?? [];
}

function smallest(lines: readonly TileEntry[]): TileEntry | null {
  return lines.reduce<TileEntry | null>(
    (least, line) => (least === null || line.documentBytes < least.documentBytes ? line : least),
    null,
  );
}

async function manifestOf(asking: Asking, id: string): Promise<SnapshotManifest | null> {
  const bytes = await get(asking, `/snapshot/${encodeURIComponent(id)}/manifest`);
  return parsedBy((body) => parseManifest(parseJsonObject(body)), bytes);
}

/** `null` for what is not there, and for what can't be read: a case says what is wrong with it. */
function parsedBy<T>(parse: (bytes: Uint8Array) => T, bytes: Uint8Array | null): T | null {
  try {
    return bytes === null ? null : parse(bytes);
  } catch {
    return null;
  }
}
