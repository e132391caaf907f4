import { createHash } from 'node:crypto';
import type { AwsV4Signer } from 'aws4fetch';
import { isSyncError, SyncError } from '../../../errors/index.js';
import { sleep, throwIfAborted } from '../../../internal/abort.js';
import { type BackoffBounds, backoffDelayMs } from '../../../internal/backoff.js';
import { parseRetryAfter } from '../../../internal/http/retry-after.js';
import type { S3Access } from './place.js';
import { codeOf, nameOf, noStore, refusal } from './refusal.js';

/** How often a request is sent at most, and how long is waited in between. */
const MAX_ATTEMPTS = 8;
const BACKOFF: BackoffBounds = { baseDelayMs: 200, maxDelayMs: 20_000 };
/** Longest time of one attempt, with its body. */
const ATTEMPT_MS = 120_000;
/** Longest answer: that of one tile, which may be a single block, or a listing. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;

/** A request for a bucket. */
export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Below the bucket; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Of the package `aws4fetch`, what is used. */
type Signer = typeof AwsV4Signer;

/** Loads the package. @throws SyncError `PUBLISH_FAILED` when it is not installed */
async function loadSigner(): Promise<Signer> {
  try {
    return (await import('aws4fetch')).AwsV4Signer;
  } catch (cause) {
    const message =
      'Publishing in a bucket needs the package `aws4fetch`, which could not be loaded: `npm install aws4fetch`.';
    throw new SyncError('PUBLISH_FAILED', message, { cause });
  }
}

/** Sends signed requests for a bucket, again where the failure may pass. */
export class S3Requests {
  readonly #signer: Signer;
  readonly #access: S3Access;
  readonly #signal: AbortSignal;
  /** Keys that signatures are derived with, for a day. */
  readonly #cache = new Map<string, ArrayBuffer>();

  private constructor(signer: Signer, access: S3Access, signal: AbortSignal) {
    this.#signer = signer;
    this.#access = access;
    this.#signal = signal;
  }

  /** @throws SyncError `PUBLISH_FAILED` where a package is missing */
  static async open(access: S3Access, signal: AbortSignal): Promise<S3Requests> {
    return new S3Requests(await loadSigner(), access, signal);
  }

  /**
   * Sends a request.
   *
   * @returns the body; `null` for what is not there.
   * @throws SyncError `PUBLISH_FAILED` for a refusal, and when no attempt came through; `ABORTED`
   */
  async send(request: S3Request): Promise<Buffer | null> {
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(this.#signal);
      const { failure, retryAfterMs, mayPass, body } = await this.#attempt(request);
      if (failure === null) return body;
      throwIfAborted(this.#signal);
      if (!mayPass || attempt === MAX_ATTEMPTS) throw failure;
      await sleep(backoffDelayMs(BACKOFF, attempt, retryAfterMs), this.#signal);
    }
  }

  async #attempt(request: S3Request): Promise<Attempt> {
    try {
      const response = await this.#fetch(request);
      const body = await bodyOf(request, response);
      if (response.ok) return { ...DONE, body };
      const { status, headers } = response;
      if (status === 404 && mayBeMissing(request) && codeOf(body) !== 'NoSuchBucket') return DONE;
      return {
        failure: refusal(request, { status, headers, body }),
        mayPass: status === 429 || status >= 500,
        retryAfterMs: parseRetryAfter(headers.get('retry-after'), Date.now()),
        body: null,
      };
    } catch (cause) {
      if (isSyncError(cause)) throw cause;
      return { failure: unreachable(request, cause), mayPass: true, retryAfterMs: null, body: null };
    }
  }

  async #fetch({ method, key, query = {}, headers = {}, body }: S3Request): Promise<Response> {
    const { url: bucket, region, accessKeyId, secretAccessKey, sessionToken } = this.#access;
    const target = new URL(`${bucket}/${key.split('/').map(encoded).join('/')}`);
    // Spelled as the signature spells it: who checks it may take it as it came.
    target.search = Object.entries(query)
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .join('&');
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const signer = new this.#signer({
      method,
      url: target.href,
      headers: { ...headers, 'x-amz-content-sha256': sha256 },
      ...(body === undefined ? {} : { body: ownBytes(body) }),
      service: 's3',
      region,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === null ? {} : { sessionToken }),
      cache: this.#cache,
    });
    const signed = await signer.sign();
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(ATTEMPT_MS)]);
    return fetch(signed.url, { ...signed, redirect: 'manual', signal });
  }
}

/** What became of an attempt. */
interface Attempt {
  /** `null` where it came to an answer. */
  readonly failure: SyncError | null;
  readonly mayPass: boolean;
  readonly retryAfterMs: number | null;
  /** `null` for what is not there. */
  readonly body: Buffer | null;
}

const DONE: Attempt = { failure: null, mayPass: false, retryAfterMs: null, body: null };

/** What is read or removed may be missing. A bucket may not, and nothing is written to where it can't be. */
function mayBeMissing({ method, key }: S3Request): boolean {
  return method !== 'PUT' && key !== '';
}

async function bodyOf(request: S3Request, { body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array> | []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES)
      throw noStore(request, `its answer has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unreachable(request: S3Request, cause: unknown): SyncError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message : String(inner);
  return new SyncError(
    'PUBLISH_FAILED',
    `The object store gave no answer to ${nameOf(request)}: ${reason}.`,
    {
      cause,
    },
  );
}

/** The one spelling of a text in a URL that signatures know: all but RFC 3986's unreserved characters as bytes. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A view of the bytes that types say is not shared. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}
