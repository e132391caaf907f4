import type { SnapshotType } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { DEFAULT_SNAPSHOT_TYPE, isSnapshotType } from '../../../src/internal/snapshot-types.js';
import { isSnapshotId } from '../../../src/internal/snapshot-files.js';
import type { SnapshotKind } from './options.js';

/** What a path asks for. */
export interface Route {
  /** `null` for the newest one. */
  readonly id: string | null;
  readonly what: 'body' | 'manifest';
}

const NEWEST: ReadonlyMap<string, Route> = new Map([
  ['/snapshot', { id: null, what: 'body' }],
  ['/snapshot/manifest', { id: null, what: 'manifest' }],
]);
const BY_ID = /^\/snapshot\/([^/]+)(\/manifest)?$/;

/** Reads a path, which is not decoded: an escape in it is no part of any id. @throws SyncError `NOT_FOUND` */
export function readRoute(path: string): Route {
  const newest = NEWEST.get(path);
  if (newest !== undefined) return newest;
  const [, id = '', tail] = BY_ID.exec(path) ?? [];
  if (!isSnapshotId(id)) throw new SyncError('NOT_FOUND', 'There is nothing at this path.');
  return { id, what: tail === undefined ? 'body' : 'manifest' };
}

/** What a server has to offer. */
export interface Offer {
  readonly types: readonly SnapshotType[];
  /** The first one is for requests that name none. */
  readonly codecs: readonly string[];
}

const PARAMETERS = ['type', 'codec'] as const;
type Parameter = (typeof PARAMETERS)[number];

/** Reads which snapshot is asked for. @throws SyncError `BAD_REQUEST`, `SNAPSHOT_UNAVAILABLE`, `CODEC_UNAVAILABLE` */
export function readKind(query: URLSearchParams, offer: Offer): SnapshotKind {
  const given = readParameters(query);
  return { type: typeOf(given, offer.types), codec: codecOf(given, offer.codecs) };
}

function readParameters(query: URLSearchParams): ReadonlyMap<Parameter, string> {
  const given = new Map<Parameter, string>();
  for (const [key, value] of query) {
    const name = PARAMETERS.find((known) => key === known || key.startsWith(`${known}[`));
    if (name === undefined) continue;
    if (key !== name) throw invalid(name, 'takes one value, not a list or an object');
    if (given.has(name)) throw invalid(name, 'is there more than once');
    given.set(name, value);
  }
  return given;
}

function typeOf(given: ReadonlyMap<Parameter, string>, types: readonly SnapshotType[]): SnapshotType {
  const type = given.get('type') ?? DEFAULT_SNAPSHOT_TYPE;
  if (!isSnapshotType(type)) throw invalid('type', 'is neither `recent` nor `full`');
  if (types.includes(type)) return type;
  throw new SyncError('SNAPSHOT_UNAVAILABLE', `No snapshots of type \`${type}\` are served here.`);
}

function codecOf(given: ReadonlyMap<Parameter, string>, codecs: readonly string[]): string {
  const codec = given.get('codec') ?? codecs[0];
  if (codec === undefined || codec === '') throw invalid('codec', 'is empty');
  if (codecs.includes(codec)) return codec;
  const message = `The codec asked for is not served; there are ${codecs.join(', ')}.`;
  throw new SyncError('CODEC_UNAVAILABLE', message);
}

/** The value is not repeated: it may be long, or anything at all. */
function invalid(name: Parameter, what: string): SyncError {
  return new SyncError('BAD_REQUEST', `The parameter \`${name}\` ${what}.`);
}
