import type { EndpointRequest } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { parseHeight } from '../../src/internal/height.js';

/** What a request asks for. */
export interface Plan {
  readonly from: number;
  /** Infinity when the request names none. */
  readonly to: number;
  readonly follow: boolean;
  readonly codec: string;
  /** The hash that the client has at `from − 1`. */
  readonly parentHash: string | null;
  /** Whether `from` comes from `Last-Event-ID`. */
  readonly resumed: boolean;
}

const PARAMETERS = ['from_height', 'to_height', 'follow', 'codec', 'parent_hash'] as const;
type Parameter = (typeof PARAMETERS)[number];

const DEFAULT_CODEC = 'gzip';
/** Hashes of `linked` chains are any text; line breaks and other control characters are in none. */
const HASH = /^[^\p{Cc}]{1,256}$/u;

/** Reads a request's parameters. @throws SyncError `BAD_REQUEST` naming the parameter, `CODEC_UNAVAILABLE` */
export function readRequest(request: EndpointRequest, codecs: readonly string[]): Plan {
  const given = readParameters(request.query);
  const from = heightOf(given, 'from_height') ?? 0;
  const to = heightOf(given, 'to_height') ?? Infinity;
  if (from > to) throw invalid('to_height', `is ${to}, which is below \`from_height\`, ${from}`);
  const last = lastEventId(request);
  return {
    from: last === null ? from : last + 1,
    to,
    follow: followOf(given),
    codec: codecOf(given, codecs),
    parentHash: hashOf(given),
    resumed: last !== null,
  };
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

function heightOf(given: ReadonlyMap<Parameter, string>, name: Parameter): number | null {
  const text = given.get(name);
  if (text === undefined) return null;
  const height = parseHeight(text);
  if (height === null) throw invalid(name, 'is not a height (an integer from 0 to 2^53-1 in plain decimal)');
  return height;
}

/** A browser sends the empty id when it has had none. */
function lastEventId(request: EndpointRequest): number | null {
  const text = request.header('last-event-id');
  if (text === null || text === '') return null;
  const height = parseHeight(text);
  if (height !== null) return height;
  throw new SyncError('BAD_REQUEST', 'The header `Last-Event-ID` is not a height.');
}

function followOf(given: ReadonlyMap<Parameter, string>): boolean {
  const text = given.get('follow') ?? 'false';
  if (text !== 'true' && text !== 'false') throw invalid('follow', 'is neither `true` nor `false`');
  return text === 'true';
}

function codecOf(given: ReadonlyMap<Parameter, string>, codecs: readonly string[]): string {
  const codec = given.get('codec') ?? DEFAULT_CODEC;
  if (codec === '') throw invalid('codec', 'is empty');
  if (codecs.includes(codec)) return codec;
  throw new SyncError(
    'CODEC_UNAVAILABLE',
    `The codec asked for is not served; there are ${codecs.join(', ')}.`,
  );
}

function hashOf(given: ReadonlyMap<Parameter, string>): string | null {
  const hash = given.get('parent_hash') ?? null;
  if (hash !== null && !HASH.test(hash)) throw invalid('parent_hash', 'is not a hash');
  return hash;
}

/** The value is not repeated: it may be long, or anything at all. */
function invalid(name: Parameter, what: string): SyncError {
  return new SyncError('BAD_REQUEST', `The parameter \`${name}\` ${what}.`);
}
