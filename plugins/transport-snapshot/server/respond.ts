import { createHash } from 'node:crypto';
import type { EndpointRequest, EndpointResponse, SnapshotManifest } from '../../../src/contracts/index.js';
import {
  type ByteRange,
  isUnchanged,
  readRange,
  unsatisfiable,
} from '../../../src/internal/http/byte-range.js';
import { type Freshness, ONE_YEAR_SECONDS } from '../../../src/internal/http/cache-control.js';
import { bodyName } from './files.js';
import { manifestJson } from './manifest-json.js';
import type { ArchivedSnapshot } from './shelved.js';

/** How long an answer may be kept. Bodies must not be changed on the way: byte ranges would not fit any more. */
export const FRESHNESS = {
  newestBody: { maxAgeSeconds: null, isExact: true },
  body: { maxAgeSeconds: ONE_YEAR_SECONDS, isExact: true },
  newestManifest: { maxAgeSeconds: null },
  /** Signatures may be added. */
  manifest: { maxAgeSeconds: 60 },
} as const satisfies Readonly<Record<string, Freshness>>;

/** What a request for a body comes to: an answer, or bytes of the file with the head of one. */
export type BodyAnswer =
  | { readonly kind: 'answer'; readonly response: EndpointResponse }
  | { readonly kind: 'bytes'; readonly range: ByteRange; readonly head: Omit<EndpointResponse, 'body'> };

/** Decides what a request for a snapshot's body gets (RFC 9110, sections 13.2.2 and 14). */
export function answerBody(
  request: EndpointRequest,
  snapshot: ArchivedSnapshot,
  cacheControl: string,
): BodyAnswer {
  const { id, size } = snapshot.manifest;
  const etag = `"${id}"`;
  const cache = { etag, 'cache-control': cacheControl };
  if (isUnchanged(request, etag)) return answer({ status: 304, headers: cache, body: null });
  const range = readRange(request, { size, etag });
  if (range === 'unsatisfiable') return answer(unsatisfiable(size));
  const { start, end } = range ?? { start: 0, end: size };
  const headers = {
    ...bodyHeaders(snapshot),
    ...cache,
    'content-length': String(end - start),
    ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
  };
  const status = range === null ? 200 : 206;
  if (request.method === 'HEAD') return answer({ status, headers, body: null });
  return { kind: 'bytes', range: { start, end }, head: { status, headers } };
}

function bodyHeaders({ manifest, document }: ArchivedSnapshot): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename=${bodyName(manifest.codec)}`,
    'accept-ranges': 'bytes',
    'x-snapshot-height': String(manifest.height),
    'x-snapshot-hash': manifest.hash,
    'x-snapshot-signer': document.signer,
    'x-snapshot-signature': document.signature,
  };
}

function answer(response: EndpointResponse): BodyAnswer {
  return { kind: 'answer', response };
}

/** Answers a request for a manifest. */
export function answerManifest(
  request: EndpointRequest,
  manifest: SnapshotManifest,
  cacheControl: string,
): EndpointResponse {
  const { bytes, etag } = written(manifest);
  const cache = { etag, 'cache-control': cacheControl };
  if (isUnchanged(request, etag)) return { status: 304, headers: cache, body: null };
  const headers = {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...cache,
  };
  return { status: 200, headers, body: request.method === 'HEAD' ? null : bytes };
}

interface Written {
  readonly bytes: Buffer;
  readonly etag: string;
}

const cache = new WeakMap<SnapshotManifest, Written>();

/** Many clients ask for the same manifest, and it has a line for each part. */
function written(manifest: SnapshotManifest): Written {
  const known = cache.get(manifest);
  if (known !== undefined) return known;
  const bytes = Buffer.from(manifestJson(manifest));
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
  cache.set(manifest, { bytes, etag });
  return { bytes, etag };
}
