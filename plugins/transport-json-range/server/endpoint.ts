import {
  PLUGIN_API_VERSION,
  type Codec,
  type Endpoint,
  type EndpointDeps,
  type EndpointHandleOptions,
  type EndpointPlugin,
  type EndpointRequest,
  type EndpointResponse,
} from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { isUnchanged } from '../../../src/internal/http/byte-range.js';
import { cacheControl, ONE_YEAR_SECONDS } from '../../../src/internal/http/cache-control.js';
import { CHAIN_HEAD, NO_HEAD } from '../../../src/internal/http/chain-head.js';
import { chooseEncoding, IDENTITY } from '../../../src/internal/http/content-encoding.js';
import {
  distinct,
  list,
  optional,
  readOptions,
  type SpecOf,
  text,
  type ValuesOf,
} from '../../../src/internal/options/index.js';
import { Arrivals } from './arrivals.js';
import { bodyOf } from './body.js';
import { blocksOf } from './documents.js';
import { FRAMES_TYPE, framesType } from '../frame-splitter.js';
import { chooseMediaType, type MediaType } from './negotiate.js';
import { primed } from './primed.js';
import { asksToWait, locateRange, readRange, type AskedRange, type ServedRange } from './range.js';
import { entityTag } from './validators.js';

/** Options of {@link jsonRangeEndpoint}. */
export interface JsonRangeEndpointOptions {
  /**
   * Names of the codecs to offer as content encodings, best first; `null` offers all codecs of the server that HTTP has a
   * name for. What is not encoded is always offered.
   *
   * @defaultValue `null`
   */
  readonly encodings?: readonly string[] | null;
  /**
   * Names of the codecs that blocks are served in one by one (`frames=gzip`); `null` offers all codecs of the server but
   * bzip2, in which encoding blocks for whoever asks costs most.
   *
   * @defaultValue `null`
   */
  readonly frames?: readonly string[] | null;
}

/** Readers of the options. */
export const JSON_RANGE_ENDPOINT_OPTIONS = {
  encodings: optional(distinct(list(text('the name of a codec')))),
  frames: optional(distinct(list(text('the name of a codec')))),
} satisfies SpecOf<JsonRangeEndpointOptions>;

type Settings = ValuesOf<typeof JSON_RANGE_ENDPOINT_OPTIONS>;

/** The codec that is too slow to be offered for frames unasked. */
const BZIP2 = 'bzip2';

/** How often a range is looked for anew when the chain changes under it before the first byte. */
const ATTEMPTS = 3;
const BUSY_RETRY_MS = 1_000;

/**
 * Registers the server half of JSON ranges: `GET /json` (protocol section 2.3).
 *
 * Without `from` and `to` it answers from 0, without `to` as far as the head or `maxRange` blocks. Each answer is
 * streamed: no more of it is held than one batch of the source and one block. A body is encoded as one member while it
 * is sent, also when the store holds gzip frames: a body of many members is not read by curl, browsers and others. Where the
 * query names a codec (`frames=gzip`), blocks come as the store holds them. With `wait`, an answer that would be empty is
 * held until there is a block.
 *
 * @throws TypeError for an option that isn't one, and for `encodings` that are no list of names
 */
export function jsonRangeEndpoint(options: JsonRangeEndpointOptions = {}): EndpointPlugin {
  const settings = readOptions('jsonRangeEndpoint', options, JSON_RANGE_ENDPOINT_OPTIONS);
  const create = (deps: EndpointDeps): Endpoint => new JsonRangeEndpoint(deps, settings);
  return { kind: 'endpoint', name: 'json-range', apiVersion: PLUGIN_API_VERSION, create };
}

/** How a range is to be represented. */
interface Form {
  readonly mediaType: MediaType | typeof FRAMES_TYPE;
  /** Of each block; `identity` for documents. */
  readonly codec: string;
  /** Of the whole. */
  readonly encoding: string;
}

type Headers = Readonly<Record<string, string>> & Readonly<Record<'etag' | 'vary' | 'cache-control', string>>;

class JsonRangeEndpoint implements Endpoint {
  readonly name = 'json-range';
  readonly paths = ['/json'];
  readonly streams = false;
  readonly codecs: { readonly json: readonly string[]; readonly frames: readonly string[] };
  readonly #deps: EndpointDeps;
  /** By content encoding. */
  readonly #encoders: ReadonlyMap<string, Codec>;
  readonly #arrivals: Arrivals;

  constructor(deps: EndpointDeps, { encodings, frames }: Settings) {
    this.#deps = deps;
    this.#arrivals = new Arrivals(deps.source);
    this.#encoders = encodersOf(deps, encodings ?? deps.codecs.ids);
    const { codecs } = deps;
    const offered = frames ?? codecs.ids.filter((id) => id !== BZIP2);
    this.codecs = {
      json: [...this.#encoders.keys(), IDENTITY],
      frames: offered.filter((id) => codecs.get(id).supports.encode),
    };
  }

  waits(request: EndpointRequest): boolean {
    return asksToWait(request);
  }

  async handle(request: EndpointRequest, options: EndpointHandleOptions): Promise<EndpointResponse> {
    const { maxRange, maxWaitMs } = this.#deps.limits;
    const asked = readRange(request, maxRange);
    const form = this.#formOf(request, asked);
    if (request.method !== 'HEAD')
      await this.#arrivals.wait(asked, Math.min(asked.waitMs, maxWaitMs), options.signal);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const response = await this.#attempt(request, asked, form, options);
      if (response !== null) return response;
    }
    throw new SyncError('SERVER_BUSY', 'The chain is changing where it was asked for.', {
      retryAfterMs: BUSY_RETRY_MS,
    });
  }

  /** @throws SyncError `CODEC_UNAVAILABLE` */
  #formOf(request: EndpointRequest, { frames }: AskedRange): Form {
    if (frames !== null && !this.codecs.frames.includes(frames))
      throw unavailable(frames, this.codecs.frames);
    // What is encoded block by block is not encoded once more.
    const isEncoded = frames !== null && frames !== IDENTITY;
    return {
      mediaType: frames === null ? chooseMediaType(request.header('accept')) : FRAMES_TYPE,
      codec: frames ?? IDENTITY,
      encoding: isEncoded
        ? IDENTITY
        : chooseEncoding(request.header('accept-encoding'), [...this.#encoders.keys()]),
    };
  }

  /** @returns `null` when the chain changed meanwhile. */
  async #attempt(
    request: EndpointRequest,
    asked: AskedRange,
    form: Form,
    { signal, onHeights }: EndpointHandleOptions,
  ): Promise<EndpointResponse | null> {
    const { source, limits } = this.#deps;
    const range = await locateRange(source, asked, limits.maxRange);
    if (range === null) return null;
    const headers = {
      ...this.#headers(range, form, asked),
      ...(asked.parentHash === null ? {} : chainHead(range)),
    };
    if (isUnchanged(request, headers.etag)) return notModified(headers);
    if (request.method === 'HEAD') return { status: 200, headers, body: null };
    try {
      const body = await primed(this.#body(range, form, signal));
      if (range.last !== null) onHeights?.(range.from, range.last.height);
      return { status: 200, headers, body };
    } catch (error) {
      if (isSyncError(error, 'FORKED')) return null;
      throw error;
    }
  }

  #headers({ from, last, final }: ServedRange, form: Form, { waitMs }: AskedRange): Headers {
    const { encoding } = form;
    const chainId = this.#deps.source.chainId();
    const mediaType = form.mediaType === FRAMES_TYPE ? framesType(form.codec) : form.mediaType;
    return {
      'content-type': mediaType,
      // Whoever waits wants what there will be, and not what a cache was given a moment ago.
      'cache-control': cacheControl(waitMs > 0 ? 'no-store' : this.#deps.cache, {
        maxAgeSeconds: final ? ONE_YEAR_SECONDS : null,
        isExact: true,
      }),
      etag: entityTag({ chainId, from, last, mediaType, encoding }),
      vary: 'Accept, Accept-Encoding',
      ...(encoding === IDENTITY ? {} : { 'content-encoding': encoding }),
    };
  }

  #body(
    range: ServedRange,
    { mediaType, codec, encoding }: Form,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const plain = bodyOf(blocksOf(this.#deps, range, codec, signal), mediaType);
    const encoder = this.#encoders.get(encoding);
    return encoder === undefined ? plain : encoded(encoder, plain, signal);
  }
}

async function* encoded(
  encoder: Codec,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* encoder.encodeStream(chunks, { signal });
}

function unavailable(codec: string, ours: readonly string[]): SyncError {
  return new SyncError(
    'CODEC_UNAVAILABLE',
    `Frames come in ${ours.join(', ')}, not in ${codec.slice(0, 40)}.`,
  );
}

/** What a client needs to know whether the parent that it named could be seen from here. */
function chainHead({ headHeight }: ServedRange): Readonly<Record<string, string>> {
  return { [CHAIN_HEAD]: headHeight === null ? NO_HEAD : String(headHeight) };
}

/** With the fields that RFC 9110 section 15.4.5 asks for, and none that speak of a body. */
function notModified(headers: Headers): EndpointResponse {
  const kept = ['etag', 'vary', 'cache-control', CHAIN_HEAD];
  const fields = Object.entries(headers).filter(([name]) => kept.includes(name));
  return { status: 304, headers: Object.fromEntries(fields), body: null };
}

function encodersOf({ codecs }: EndpointDeps, names: readonly string[]): ReadonlyMap<string, Codec> {
  const encoders = new Map<string, Codec>();
  for (const codec of names.map((name) => codecs.get(name))) {
    const { contentEncoding, encode } = codec.supports;
    if (encode && contentEncoding !== null && !encoders.has(contentEncoding))
      encoders.set(contentEncoding, codec);
  }
  return encoders;
}
