import { parseManifest } from '../../../plugins/transport-snapshot/manifest.js';
import type { Peer, SnapshotManifest, TileEntry, TransportDeps } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { asBlockRef, asObject, isHeight, parseJsonObject } from '../../internal/http/shape.js';
import { pagePath, PAGE_HEIGHTS } from '../../tiles/name.js';
import { ask } from './answer.js';
import { indexEntries } from './checks/index-lines.js';
import { linesOf } from './lines.js';
import { toolsFor, type Tools } from './tools.js';

const PLAIN = { 'accept-encoding': 'identity' };
type Members = Readonly<Record<string, unknown>>;

/** Where a server has no status document: what every one has. */
const ASSUMED: Members = { base: 0, codecs: { stream: ['gzip'], json: ['identity'] } };

/** Longest time for what is asked for before the cases, each, in milliseconds. */
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
}

/**
 * Finds out what a server offers. What can't be had is nothing: a case says what is wrong with it.
 *
 * @throws SyncError `PEER_UNREACHABLE`, `PEER_CERTIFICATE`, `PEER_TIMEOUT`, `PEER_UNAUTHORIZED`, `ABORTED`
 */
export async function factsOf(asking: Asking): Promise<Facts> {
  const bytes = await reached(asking);
  const status = bytes === null ? null : parseJsonObject(bytes);
  const said = saidBy(status ?? ASSUMED);
  const known = status === null ? { ...said, head: await streamHead(asking) } : said;
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
  const bytes = await get(asking, '/status');
  const head = bytes === null ? await streamHead(asking) : asBlockRef(parseJsonObject(bytes)?.['head']);
  return head?.hash ?? null;
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

/** The status document; `null` where there is none. Nothing can be said of a server that does not answer, or not to us. */
async function reached({ deps, peer, signal }: Asking): Promise<Uint8Array | null> {
  const asked = { method: 'GET', target: '/status', headers: PLAIN, read: null } as const;
  const deadline = AbortSignal.timeout(WITHIN_MS);
  const { status, body, close } = await ask(deps, peer, asked, AbortSignal.any([signal, deadline])).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      if (!deadline.aborted) throw error;
      throw new SyncError('PEER_TIMEOUT', `${peer.url} did not send its status within ${WITHIN_MS} ms.`);
    },
  );
  close();
  if (status === 401 || status === 403)
    throw new SyncError('PEER_UNAUTHORIZED', `${peer.url} answered ${status}.`, { peer: peer.url });
  return status === 200 ? body : null;
}

async function get(
  { deps, peer, signal }: Asking,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Uint8Array | null> {
  try {
    const asked = { method: 'GET', target, headers: { ...PLAIN, ...headers }, read: null } as const;
    const answer = await ask(deps, peer, asked, AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]));
    answer.close();
    return answer.status === 200 ? answer.body : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** What a stream from above every head is complete with. */
async function streamHead(asking: Asking): Promise<Facts['head']> {
  const bytes = await get(asking, `/stream?from_height=${Number.MAX_SAFE_INTEGER}`);
  const [, data] = /^event: complete\ndata: (.*)$/m.exec(Buffer.from(bytes ?? []).toString()) ?? [];
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
