/** An object in a listing. */
export interface ListedObject {
  readonly bytes: number;
  /** MD5 of the contents in lower-case hex, unless it was written in pieces or encrypted with a key of the operator's; `null` for none. */
  readonly etag: string | null;
  readonly modifiedMs: number;
}

/** One answer to a request for a listing. */
export interface ListingPage {
  readonly objects: ReadonlyMap<string, ListedObject>;
  /** Names of folders. */
  readonly folders: readonly string[];
  /** Where the listing goes on; `null` at its end. */
  readonly next: string | null;
}

/** What files of ours are called. Whatever else is in the bucket is passed over. */
const NAME = /^[A-Za-z0-9._-]{1,255}$/;

/**
 * Reads an answer of ListObjectsV2 with the delimiter `/`: names are what is behind the last slash.
 *
 * @returns `null` for what is none
 */
export function parseListing(xml: string): ListingPage | null {
  if (!/<ListBucketResult[\s>/]/.test(xml)) return null;
  const objects = objectsOf(xml);
  const folders = [...xml.matchAll(/<CommonPrefixes>(.*?)<\/CommonPrefixes>/gs)]
    .map(([, contents = '']) => textOf(contents, 'Prefix').replace(/\/$/, '').split('/').at(-1) ?? '')
    .filter((name) => NAME.test(name));
  const next = unescaped(textOf(xml, 'NextContinuationToken'));
  if (textOf(xml, 'IsTruncated') !== 'true') return { objects, folders, next: null };
  // One that is asked again without a place to go on from begins anew, for ever.
  return next === '' ? null : { objects, folders, next };
}

function objectsOf(xml: string): ReadonlyMap<string, ListedObject> {
  const objects = new Map<string, ListedObject>();
  for (const [, contents = ''] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const name = textOf(contents, 'Key').split('/').at(-1) ?? '';
    const bytes = Number(textOf(contents, 'Size'));
    if (!NAME.test(name) || !Number.isSafeInteger(bytes)) continue;
    const etag =
      /^(?:&quot;|&#34;|")?([0-9a-f]{32})(?:&quot;|&#34;|")?$/.exec(textOf(contents, 'ETag'))?.[1] ?? null;
    const modifiedMs = Date.parse(textOf(contents, 'LastModified'));
    objects.set(name, { bytes, etag, modifiedMs: Number.isNaN(modifiedMs) ? 0 : modifiedMs });
  }
  return objects;
}

function textOf(xml: string, element: string): string {
  return new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(xml)?.[1]?.trim() ?? '';
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const code = name.startsWith('#x') ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
