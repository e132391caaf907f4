import type { BlockRef, CodecRegistry, EndpointRequest } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { parseHeight } from '../../src/internal/height.js';

/** A stream request whose parameters are all valid. */
export interface StreamParameters {
  /** First height wanted; one above `Last-Event-ID` when that was sent. */
  readonly from: number;
  /** The height of `Last-Event-ID`; `null` when none was sent. */
  readonly lastEventId: number | null;
  /** Last height wanted, included; `null` for all. */
  readonly to: number | null;
  readonly follow: boolean;
  readonly codec: string;
  /** The hash that the client has at `from - 1`; `null` when it states none. */
  readonly parentHash: string | null;
}

const NAMES: readonly string[] = ['from_height', 'to_height', 'follow', 'codec', 'parent_hash'];

/** Longest hash that any chain rules have. */
const MAX_HASH_LENGTH = 256;

/** Codec of a request that names none. */
const DEFAULT_CODEC = 'gzip';

/**
 * Reads the parameters of protocol section 2.2. Unknown ones are left alone.
 *
 * @throws SyncError `BAD_REQUEST` naming the parameter, `CODEC_UNAVAILABLE`
 */
export function readParameters(request: EndpointRequest, codecs: CodecRegistry): StreamParameters {
  checkShape(request.query);
  const lastEventId = readLastEventId(request.header('last-event-id'));
  const from = readHeight(request.query, 'from_height') ?? 0;
  return {
    from: lastEventId === null ? from : lastEventId + 1,
    lastEventId,
    to: readHeight(request.query, 'to_height'),
    follow: readFlag(request.query, 'follow'),
    codec: readCodec(request.query, codecs),
    parentHash: lastEventId === null ? readHash(request.query) : null,
  };
}

/** A parameter that is given twice, or as `name[]` or `name[key]`, has no one value. */
function checkShape(query: URLSearchParams): void {
  const seen = new Set<string>();
  for (const key of query.keys()) {
    const name = key.split('[', 1)[0] ?? key;
    if (!NAMES.includes(name)) continue;
    if (key !== name || seen.has(name)) throw bad(name, 'must be given once and as a plain value');
    seen.add(name);
  }
}

function readHeight(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  const height = parseHeight(text);
  if (height === null)
    throw bad(name, 'must be a height: decimal digits without a leading zero, at most 2^53−1');
  return height;
}

function readLastEventId(text: string | null): number | null {
  if (text === null || text === '') return null;
  const height = parseHeight(text);
  if (height === null || height === Number.MAX_SAFE_INTEGER) throw bad('Last-Event-ID', 'must be a height');
  return height;
}

function readFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? 'false';
  if (text !== 'true' && text !== 'false') throw bad(name, 'must be true or false');
  return text === 'true';
}

function readCodec(query: URLSearchParams, codecs: CodecRegistry): string {
  const id = query.get('codec') ?? DEFAULT_CODEC;
  if (codecs.has(id)) return id;
  throw new SyncError('CODEC_UNAVAILABLE', `This server encodes blocks in ${codecs.ids.join(', ')}.`);
}

function readHash(query: URLSearchParams): string | null {
  const hash = query.get('parent_hash');
  if (hash === null) return null;
  if (hash.length > 0 && hash.length <= MAX_HASH_LENGTH) return hash;
  throw bad('parent_hash', `must have 1 to ${MAX_HASH_LENGTH} characters`);
}

/** The value is not repeated: it may be anything. */
function bad(name: string, must: string): SyncError {
  return new SyncError('BAD_REQUEST', `\`${name}\` ${must}.`);
}

/** Where a client's chain and the server's were last known to be one: the client's newest block. */
export function clientHead(parameters: StreamParameters): BlockRef | null {
  const { parentHash, from } = parameters;
  return parentHash === null || from === 0 ? null : { height: from - 1, hash: parentHash };
}
