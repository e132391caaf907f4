import { createHash } from 'node:crypto';
import { fileKindOf } from '../file-kind.js';
import type { PublishTarget, TargetFile } from '../target.js';
import { type ListedObject, type ListingPage, parseListing } from './listing.js';
import { s3Access, type S3Place } from './place.js';
import { noStore } from './refusal.js';
import { type S3Request, S3Requests } from './requests.js';

/** Listings that are kept: of a page that tiles are compared in, and of what is beside it. */
const KEPT_LISTINGS = 2;

/** What a folder has. */
interface Listing {
  readonly objects: Map<string, ListedObject>;
  readonly folders: readonly string[];
}

/**
 * Opens a bucket to publish in.
 *
 * @param environment - `process.env`: {@link s3Access} reads it.
 * @throws UsageError where a variable is missing; SyncError `PUBLISH_FAILED` where a package is
 */
export async function openS3Target(
  place: S3Place,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<PublishTarget> {
  return new S3Target(place, await S3Requests.open(s3Access(place, environment), signal));
}

/**
 * A place in a bucket. Each object is written by one request, and is there whole or not at all. What is there is known from
 * listings, one request for a thousand objects.
 */
class S3Target implements PublishTarget {
  readonly name: string;
  readonly #prefix: string;
  readonly #requests: S3Requests;
  readonly #listings = new Map<string, Listing>();
  /** Whether it has answered as an object store does. */
  #isStore = false;

  constructor({ bucket, prefix }: S3Place, requests: S3Requests) {
    this.name = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#requests = requests;
  }

  async refresh(): Promise<void> {
    this.#listings.clear();
    // Other servers too answer what can be read, and 404 says there that it is not the one.
    if (!this.#isStore) await this.#listing('');
  }

  async size(path: string): Promise<number | null> {
    return (await this.#find(path))?.bytes ?? null;
  }

  read(path: string): Promise<Buffer | null> {
    return this.#requests.send({ method: 'GET', key: this.#prefix + path });
  }

  async isSame(path: string, contents: Uint8Array): Promise<boolean> {
    const found = await this.#find(path);
    return found?.bytes === contents.length && found.etag === md5(contents);
  }

  async put(path: string, contents: string | Uint8Array): Promise<void> {
    const { contentType, cacheControl } = fileKindOf(path);
    const body = typeof contents === 'string' ? Buffer.from(contents) : contents;
    const headers = { 'content-type': contentType, 'cache-control': cacheControl };
    await this.#requests.send({ method: 'PUT', key: this.#prefix + path, headers, body });
    const { folder, name } = split(path);
    const written = { bytes: body.length, etag: md5(body), modifiedMs: Date.now() };
    this.#listings.get(folder)?.objects.set(name, written);
  }

  async list(path: string): Promise<readonly TargetFile[]> {
    const { objects } = await this.#listing(path);
    const files = [...objects].map(([name, { modifiedMs }]) => ({ name, modifiedMs }));
    return files.sort((a, b) => b.modifiedMs - a.modifiedMs);
  }

  async folders(path: string): Promise<readonly string[]> {
    this.#listings.delete(path);
    return (await this.#listing(path)).folders;
  }

  async remove(path: string): Promise<void> {
    await this.#requests.send({ method: 'DELETE', key: this.#prefix + path });
    const { folder, name } = split(path);
    this.#listings.get(folder)?.objects.delete(name);
  }

  /** A bucket has no folders but those that objects are in. */
  removeFolder(path: string): Promise<void> {
    this.#listings.delete(path);
    return Promise.resolve();
  }

  async #find(path: string): Promise<ListedObject | null> {
    const { folder, name } = split(path);
    return (await this.#listing(folder)).objects.get(name) ?? null;
  }

  async #listing(folder: string): Promise<Listing> {
    const known = this.#listings.get(folder);
    if (known !== undefined) return known;
    const listing = await this.#ask(folder);
    for (const old of [...this.#listings.keys()].slice(0, 1 - KEPT_LISTINGS)) this.#listings.delete(old);
    this.#listings.set(folder, listing);
    return listing;
  }

  async #ask(folder: string): Promise<Listing> {
    const objects = new Map<string, ListedObject>();
    const folders: string[] = [];
    let token: string | null = null;
    do {
      const request: S3Request = { method: 'GET', key: '', query: this.#queryOf(folder, token) };
      const answer = await this.#requests.send(request);
      const page: ListingPage | null = parseListing(answer?.toString() ?? '');
      if (page === null || page.next === (token ?? ''))
        throw noStore(request, 'it gave no listing of ListObjectsV2');
      this.#isStore = true;
      for (const [name, object] of page.objects) objects.set(name, object);
      folders.push(...page.folders);
      token = page.next;
    } while (token !== null);
    return { objects, folders };
  }

  #queryOf(folder: string, token: string | null): Readonly<Record<string, string>> {
    return {
      'list-type': '2',
      prefix: this.#prefix + (folder === '' ? '' : `${folder}/`),
      delimiter: '/',
      ...(token === null ? {} : { 'continuation-token': token }),
    };
  }
}

function split(path: string): { readonly folder: string; readonly name: string } {
  const at = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(0, at)), name: path.slice(at + 1) };
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
