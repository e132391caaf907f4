import type {
  BlockRef,
  Peer,
  PeerStatus,
  PeerTiles,
  SnapshotSummary,
  TileEntry,
  TransportDeps,
} from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { MAX_TILE_BLOCKS, MAX_TILE_BYTES } from '../../tiles/cut.js';
import { isSnapshotId, manifestPathOf } from '../snapshot-files.js';
import { isSnapshotType } from '../snapshot-types.js';
import { BodyReader, readBody } from './body.js';
import { openExchange, type HttpExchange } from './exchange.js';
import { responseError } from './response-error.js';
import { asBlockRef, asObject, isHeight, parseJsonObject, peerText } from './shape.js';
import { asTileEntry } from './tile-entry.js';

const MAX_STATUS_BYTES = 1024 * 1024;
const MAX_NAME_CHARACTERS = 256;
/** Codecs that are looked at; a peer that names more than this is not serious. */
const MAX_CODECS = 64;
/** Likewise for snapshots and signers. */
const MAX_SNAPSHOTS = 64;
const MAX_SIGNERS = 64;
const PROTOCOL = 1;

type Members = Readonly<Record<string, unknown>>;

/**
 * Fetches a peer's status document (protocol section 2.1) and checks its shape. Members that are missing count as `null`
 * or as empty.
 *
 * @returns `null` when the peer has none (404)
 * @throws SyncError `PEER_*`, `REDIRECT_REFUSED`, `PROTOCOL_UNSUPPORTED`, `PROTOCOL_VIOLATION`, `ABORTED`
 */
export async function fetchStatus(
  deps: TransportDeps,
  peer: Peer,
  signal: AbortSignal,
): Promise<PeerStatus | null> {
  return (await fetchStatusDocument(deps, peer, signal))?.status ?? null;
}

/** A status document: what was read from it, and all that it says. */
export interface StatusDocument {
  readonly status: PeerStatus;
  readonly members: Members;
}

/** Fetches a peer's status document like {@link fetchStatus}, and gives the members that are not read as well. */
export async function fetchStatusDocument(
  deps: TransportDeps,
  peer: Peer,
  signal: AbortSignal,
): Promise<StatusDocument | null> {
  const headers = { accept: 'application/json' };
  const exchange = await openExchange(deps, { peer, target: '/status', headers }, signal);
  try {
    if (exchange.response.status === 404) return null;
    if (exchange.response.status !== 200) {
      throw await responseError(exchange, { peer, limits: deps.limits, from: 0, signal });
    }
    const members = await readStatus(exchange, deps);
    return { status: parseStatus(members), members };
  } catch (error) {
    throw isSyncError(error) ? error.at({ peer: peer.url }) : error;
  } finally {
    exchange.close();
  }
}

async function readStatus(exchange: HttpExchange, { limits }: TransportDeps): Promise<Members> {
  const body = new BodyReader(exchange, {
    idleMs: limits.idleTimeoutMs,
    progressMs: limits.progressTimeoutMs,
    codes: { idle: 'PEER_TIMEOUT', progress: 'PEER_TIMEOUT', cut: 'PEER_UNREACHABLE' },
  });
  const bytes = await readBody(body, MAX_STATUS_BYTES);
  if (bytes === null) throw notSync(`the status document has more than ${MAX_STATUS_BYTES} bytes`);
  const members = parseJsonObject(bytes);
  if (members === null) throw notSync('the status document is not a JSON object');
  return members;
}

/**
 * Checks the shape of a status document.
 *
 * @throws SyncError `PEER_NOT_SYNC`, `PROTOCOL_UNSUPPORTED`, `PROTOCOL_VIOLATION`
 */
function parseStatus(members: Members): PeerStatus {
  const { protocol, chain, codecs } = members;
  if (typeof protocol !== 'number' || !Number.isInteger(protocol)) {
    throw notSync('the status document names no protocol version');
  }
  if (protocol !== PROTOCOL) {
    throw new SyncError(
      'PROTOCOL_UNSUPPORTED',
      `The peer speaks version ${protocol}; this client speaks ${PROTOCOL}.`,
    );
  }
  if (!isName(chain)) throw wrong('chain');
  const byUse = codecs === undefined || codecs === null ? {} : asObject(codecs);
  if (byUse === null) throw wrong('codecs');
  return {
    protocol,
    chain,
    chainId: readChainId(members),
    base: readBase(members),
    head: readRef(members, 'head'),
    finalized: readRef(members, 'finalized'),
    codecs: {
      stream: readCodecs(byUse, 'stream'),
      json: readCodecs(byUse, 'json'),
      snapshot: readCodecs(byUse, 'snapshot'),
      frames: readCodecs(byUse, 'frames'),
    },
    storedAs: readStoredAs(members),
    tiles: readTiles(members),
    maxRange: readLimit(members, 'maxRange'),
    maxWaitMs: readLimit(members, 'maxWaitMs'),
    snapshots: asSnapshots(members),
    signers: asSigners(members),
  };
}

function readChainId({ chainId = null }: Members): string | null {
  if (chainId !== null && !isName(chainId)) throw wrong('chainId');
  return chainId;
}

function readBase({ base }: Members): number {
  const height = base ?? 0;
  if (!isHeight(height)) throw wrong('base');
  return height;
}

function readRef(members: Members, name: 'head' | 'finalized'): BlockRef | null {
  const value = members[name] ?? null;
  if (value === null) return null;
  const ref = asBlockRef(value);
  if (ref === null) throw wrong(name);
  return ref;
}

function readCodecs(byUse: Members, use: string): readonly string[] {
  const names = byUse[use] ?? [];
  if (!Array.isArray(names) || names.length > MAX_CODECS) throw wrong(`codecs.${use}`);
  return names.map((name: unknown) => {
    if (!isCodecId(name)) throw wrong(`codecs.${use}`);
    return name;
  });
}

function isCodecId(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z0-9-]{1,16}$/.test(name);
}

/** What is not understood is left out: these members help to choose, and decide nothing. */
function readLimit({ limits }: Members, name: 'maxRange' | 'maxWaitMs'): number | null {
  const limit = asObject(limits)?.[name];
  return isHeight(limit) && limit > 0 ? limit : null;
}

function readStoredAs({ storedAs }: Members): string | null {
  return isCodecId(storedAs) ? storedAs : null;
}

/** First and last height; the last one is below the first where there is nothing but a tail. */
function readTiles(members: Members): PeerTiles | null {
  const value = members['tiles'] ?? null;
  if (value === null) return null;
  const { from, to, tail: behind = null } = asObject(value) ?? {};
  if (!isHeight(from) || typeof to !== 'number' || !isHeight(to + 1)) throw wrong('tiles');
  const tail = readTail(behind, to + 1);
  if (to < from - (tail === null ? 0 : 1)) throw wrong('tiles');
  return { from, to, tail };
}

function readTail(value: unknown, from: number): TileEntry | null {
  if (value === null) return null;
  const tail = asTileEntry(value);
  if (tail?.from !== from || !isUndecided(tail)) throw wrong('tiles.tail');
  return tail;
}

/** Blocks that decide no tile are fewer than the most of one, and no more bytes than one has. */
function isUndecided({ from, to, documentBytes }: TileEntry): boolean {
  return to - from + 1 < MAX_TILE_BLOCKS && documentBytes <= MAX_TILE_BYTES;
}

/** The snapshots that a status document names; what is none is left out. */
export function asSnapshots({ snapshots }: Members): readonly SnapshotSummary[] {
  if (!Array.isArray(snapshots)) return [];
  return snapshots.slice(0, MAX_SNAPSHOTS).flatMap((value: unknown): readonly SnapshotSummary[] => {
    const ref = asBlockRef(value);
    const { type, id, codec, manifest } = asObject(value) ?? {};
    if (ref === null || !isName(id) || !isSnapshotType(type)) return [];
    const isFiles = isCodecId(codec) && isSnapshotId(id) && manifest === manifestPathOf(id);
    return [{ type, id, ...ref, ...(isFiles ? { codec, manifest } : {}) }];
  });
}

/** The keys that a status document names. */
export function asSigners({ signers }: Members): readonly string[] {
  return Array.isArray(signers) ? signers.slice(0, MAX_SIGNERS).filter(isName) : [];
}

function isName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_NAME_CHARACTERS &&
    peerText(value, MAX_NAME_CHARACTERS) === value
  );
}

function notSync(what: string): SyncError {
  return new SyncError('PEER_NOT_SYNC', `This is no sync service: ${what}.`);
}

function wrong(member: string): SyncError {
  return new SyncError('PROTOCOL_VIOLATION', `The member ${member} of the status document is not valid.`);
}
