import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import type { HttpFetch, HttpFetchResponse } from '../../contracts/index.js';

const PIECE_BYTES = 1024 * 1024;

/** What says that there is no such file: a folder that history was published in has nothing else. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

const RANGE = /^bytes=([0-9]{1,16})-([0-9]{1,16})$/;

/** Answers requests for `file:` URLs as a web server does that has the files: no query, 404 for what is not there. */
export const fileFetch: HttpFetch = async (url, { method, headers: { range = '' }, signal }) => {
  signal.throwIfAborted();
  const path = url.search === '' ? pathOf(url) : null;
  const size = path === null ? null : await sizeOf(path);
  if (path === null || size === null) return answer(404, {}, null);
  const headers = { 'content-length': String(size) };
  if (method === 'HEAD') return answer(200, headers, null);
  const span = spanOf(range, size);
  const file = createReadStream(path, { ...span, signal, highWaterMark: PIECE_BYTES });
  const body = Readable.toWeb(file) as NodeStream<Uint8Array>;
  if (span === null) return answer(200, headers, body);
  const { start, end } = span;
  const part = {
    'content-length': String(end - start + 1),
    'content-range': `bytes ${start}-${end}/${size}`,
  };
  return answer(206, part, body);
};

/** The bytes that are asked for, both ends included; `null` for all of them, as for a range that the file has not in full. */
function spanOf(range: string, size: number): { readonly start: number; readonly end: number } | null {
  const [, first, last] = RANGE.exec(range) ?? [];
  const [start, end] = [Number(first), Number(last)];
  return start <= end && end < size ? { start, end } : null;
}

function pathOf(url: URL): string | null {
  try {
    return fileURLToPath(url);
  } catch {
    return null;
  }
}

/** Length of a file; `null` for what is none. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

function answer(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: ReadableStream<Uint8Array> | null,
): HttpFetchResponse {
  return { status, headers: { get: (name) => headers[name.toLowerCase()] ?? null }, body };
}
