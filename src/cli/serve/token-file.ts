import { createHash } from 'node:crypto';
import { SyncError } from '../../errors/index.js';
import type { Authorize } from '../../server/access/types.js';
import { readSmallFile } from '../header-file.js';

/** What is in the file counts after this time at the latest, in milliseconds. */
const READ_EVERY_MS = 1_000;
/** Shorter ones can be guessed. */
const MIN_TOKEN_LENGTH = 16;

/** Names by the SHA-256 of their tokens: how long a look takes says nothing of a token. */
type Tokens = ReadonlyMap<string, string>;

/**
 * Lets those read whose bearer token (RFC 6750) is in a file that has a name and a token on each line. The file is read again
 * and again; while it can't be read, nobody is let in.
 *
 * @throws SyncError `INPUT_UNREADABLE`, `INPUT_MALFORMED`
 */
export async function tokenFile(
  path: string,
  now: () => number = () => performance.now(),
): Promise<Authorize> {
  const readTokens = tokensOf(path);
  let readMs = 0;
  let isReading = false;
  /** One at a time: a disk that does not answer is not asked by every request. */
  const look = (): Promise<Tokens> => {
    isReading = true;
    readMs = now();
    return readTokens().finally(() => {
      isReading = false;
    });
  };
  let tokens = look();
  await tokens;
  return async ({ header }) => {
    if (!isReading && now() - readMs >= READ_EVERY_MS) tokens = look();
    const [, token = ''] = /^Bearer +([\w.~+/=-]+) *$/i.exec(header('authorization') ?? '') ?? [];
    const id = (await tokens).get(digestOf(token));
    return id === undefined ? null : { id };
  };
}

/** Lets browsers give a token as well, which ask a person for a name and a password (RFC 7617): the token is the password. */
export function withPasswords(authorize: Authorize): Authorize {
  return (request) => {
    const header = (name: string): string | null =>
      name === 'authorization' ? asBearer(request.header(name)) : request.header(name);
    return authorize({ ...request, header });
  };
}

function asBearer(authorization: string | null): string | null {
  const [, credentials = null] = /^Basic +([\w+/=-]+) *$/i.exec(authorization ?? '') ?? [];
  if (credentials === null) return authorization;
  const text = Buffer.from(credentials, 'base64').toString('utf8');
  return `Bearer ${text.slice(text.indexOf(':') + 1)}`;
}

/** Reads the file; what is in it is looked at only when it has changed, since each token costs a digest. */
function tokensOf(path: string): () => Promise<Tokens> {
  let known: { readonly bytes: Buffer; readonly tokens: Tokens } | null = null;
  return async () => {
    const bytes = await readSmallFile(path);
    if (known?.bytes.equals(bytes) !== true) known = { bytes, tokens: parsed(path, bytes.toString('utf8')) };
    return known.tokens;
  };
}

function parsed(path: string, text: string): Tokens {
  const lines = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const [, name = '', token = ''] = /^(\S{1,256})[\t ]+([\w.~+/=-]+)\s*$/.exec(line) ?? [];
    if (token.length >= MIN_TOKEN_LENGTH) return [[digestOf(token), name] as const];
    const message = `Line ${index + 1} of ${path} is not NAME TOKEN, with a token of ${MIN_TOKEN_LENGTH} characters or more.`;
    throw new SyncError('INPUT_MALFORMED', message);
  });
  return new Map(lines);
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
