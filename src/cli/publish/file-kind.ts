/** How a published file is to be sent. */
export interface FileKind {
  readonly contentType: string;
  readonly cacheControl: string;
}

const FOREVER = 'public, max-age=31536000, immutable, no-transform';
const LATEST = 'no-cache';

const KINDS: readonly (readonly [RegExp, FileKind])[] = [
  [/\.gz$/, { contentType: 'application/gzip', cacheControl: FOREVER }],
  [/\.zst$/, { contentType: 'application/zstd', cacheControl: FOREVER }],
  [/\.part$/, { contentType: 'application/octet-stream', cacheControl: FOREVER }],
  [/\.ndjson$/, { contentType: 'application/x-ndjson', cacheControl: LATEST }],
  // Signatures may be added to it.
  [/\/manifest\.json$/, { contentType: 'application/json', cacheControl: 'public, max-age=60' }],
];

/** The kind of a published file, by its path: what is written once may be kept for ever. */
export function fileKindOf(path: string): FileKind {
  const [, kind] = KINDS.find(([pattern]) => pattern.test(path)) ?? [];
  return kind ?? { contentType: 'application/json', cacheControl: LATEST };
}
