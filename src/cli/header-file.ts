import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { InvalidArgumentError } from 'commander';
import type { HeaderValue } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';

/** Certificates of some authorities; headers are far below. */
const MAX_FILE_BYTES = 1024 * 1024;

/** A header as it is written: `Name: value`. */
export interface HeaderText {
  readonly name: string;
  readonly value: string;
}

/** Reads a header. No message has its value: it may be a secret. @throws InvalidArgumentError */
export function parseHeader(text: string): HeaderText {
  const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/.exec(text.trim()) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('It must be NAME: VALUE, in characters that HTTP headers have.');
  return { name, value };
}

/**
 * The headers that a file has now, each with the value that the file has when a request is made.
 *
 * @throws SyncError `CREDENTIALS_UNAVAILABLE`
 */
export async function headerFileHeaders(path: string): Promise<Record<string, HeaderValue>> {
  const names = [...(await readHeaders(path)).keys()];
  let reading: ReturnType<typeof readHeaders> | null = null;
  /** All headers of a request are asked for in one turn: they come from one reading. */
  const read = (): ReturnType<typeof readHeaders> => {
    queueMicrotask(() => {
      reading = null;
    });
    return (reading ??= readHeaders(path));
  };
  return Object.fromEntries(
    names.map((name) => [
      name,
      async () => {
        const value = (await read()).get(name);
        if (value !== undefined) return value;
        throw new SyncError('CREDENTIALS_UNAVAILABLE', `The header ${name} is no longer in ${path}.`);
      },
    ]),
  );
}

/** Empty lines, and those that begin with `#`, are left out. */
async function readHeaders(path: string): Promise<ReadonlyMap<string, string>> {
  const text = await readSmallFile(path).catch((cause: unknown) => {
    const message = isSyncError(cause) ? cause.message : `${path} can't be read.`;
    throw new SyncError('CREDENTIALS_UNAVAILABLE', message, { cause });
  });
  const lines = text.toString('latin1').split('\n');
  const read = lines.flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    try {
      const { name, value } = parseHeader(line);
      return [[name.toLowerCase(), value] as const];
    } catch {
      throw new SyncError('CREDENTIALS_UNAVAILABLE', `Line ${index + 1} of ${path} is not NAME: VALUE.`);
    }
  });
  return new Map(read);
}

/** Reads a file, or what a pipe has, of at most a mebibyte. @throws SyncError `INPUT_UNREADABLE` */
export async function readSmallFile(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await buffer(createReadStream(path, { end: MAX_FILE_BYTES }));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'it failed';
    throw new SyncError('INPUT_UNREADABLE', `${path} can't be read: ${code}.`, { cause });
  }
  if (bytes.length <= MAX_FILE_BYTES) return bytes;
  throw new SyncError('INPUT_UNREADABLE', `${path} has more than ${MAX_FILE_BYTES} bytes.`);
}
