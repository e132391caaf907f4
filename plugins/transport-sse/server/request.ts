import type { EndpointRequest, StreamName } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import type { CodecName } from '../../../src/internal/codecs.js';
import { parseHeight } from '../../../src/internal/height.js';
import { invalidParameter, QueryParameters } from '../../../src/internal/http/query.js';

/** What a request asks for. */
export interface Plan {
  readonly from: number;
  /** Infinity when the request names none. */
  readonly to: number;
  readonly follow: boolean;
  readonly codec: string;
  /** The hash that the client has below `parentOf`; `null` when it names none. */
  readonly parentHash: string | null;
  /** The height that `parent_hash` goes with: a browser that resumes repeats the URL it began with. */
  readonly parentOf: number;
  /** Whether `from` comes from `Last-Event-ID`. */
  readonly resumed: boolean;
}

/** 128 secret random bits in base64url or hex, or more of them. */
const NAME = /^[\w-]{22,64}$/;

const PARAMETERS = ['from_height', 'to_height', 'follow', 'codec', 'parent_hash'] as const;

/** Protocol section 2.2: what a client that names none gets, whatever is preferred here. */
const DEFAULT_CODEC: CodecName = 'gzip';

/** Reads a request's parameters. @throws SyncError `BAD_REQUEST` naming the parameter, `CODEC_UNAVAILABLE` */
export function readRequest(request: EndpointRequest, codecs: readonly string[]): Plan {
  const given = new QueryParameters(request.query, PARAMETERS);
  const from = given.height('from_height') ?? 0;
  const to = given.height('to_height') ?? Infinity;
  if (from > to) throw invalidParameter('to_height', `is ${to}, which is below \`from_height\`, ${from}`);
  const last = lastEventId(request);
  return {
    from: last === null ? from : last + 1,
    to,
    follow: followOf(given.text('follow')),
    codec: codecOf(given.text('codec'), codecs),
    parentHash: given.hash('parent_hash'),
    parentOf: from,
    resumed: last !== null,
  };
}

/**
 * The name of the client's stream; `null` for none. Without `follow=true` it is renewed, whatever the method: a cache on
 * the way may turn HEAD into GET.
 *
 * @throws SyncError `BAD_REQUEST` naming the parameter
 */
export function readName({ query, method }: EndpointRequest): StreamName | null {
  const given = new QueryParameters(query, ['client', 'follow']);
  const name = given.text('client');
  if (name === null) return null;
  if (!NAME.test(name)) throw invalidParameter('client', 'is not 22 to 64 characters of base64url or hex');
  return { name, renews: method === 'HEAD' || !followOf(given.text('follow')) };
}

/** A browser sends the empty id when it has had none. */
function lastEventId(request: EndpointRequest): number | null {
  const text = request.header('last-event-id');
  if (text === null || text === '') return null;
  const height = parseHeight(text);
  if (height !== null) return height;
  throw new SyncError('BAD_REQUEST', 'The header `Last-Event-ID` is not a height.');
}

function followOf(given: string | null): boolean {
  const text = given ?? 'false';
  if (text !== 'true' && text !== 'false') throw invalidParameter('follow', 'is neither `true` nor `false`');
  return text === 'true';
}

function codecOf(given: string | null, codecs: readonly string[]): string {
  const codec = given ?? DEFAULT_CODEC;
  if (codec === '') throw invalidParameter('codec', 'is empty');
  if (codecs.includes(codec)) return codec;
  throw new SyncError(
    'CODEC_UNAVAILABLE',
    `The codec asked for is not served; there are ${codecs.join(', ')}.`,
  );
}
