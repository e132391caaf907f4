import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyStore } from '../../plugins/storage-leveldb/copy-store.js';
import type { Chain } from '../chain/chain.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { openPlanned } from '../open-chain.js';
import { type StoreOptions, storePlan } from './options.js';

/** What a command does with a store that it only reads. */
export interface Reading {
  /** The command, as it is called: `export`. */
  readonly command: string;
  readonly signal: AbortSignal;
  /** Whether it has to know the rules of the chain. Default no. */
  readonly needsRules?: boolean;
}

/**
 * Opens a store, hands it to `body`, and closes it. LevelDB writes also to read: a store in a directory that can't be
 * written to is copied to a temporary one, which is removed at the end.
 *
 * @throws SyncError `STORE_LOCKED` with what to do instead; other `STORE_*`; what `body` throws
 */
export async function readingStore<T>(
  options: StoreOptions,
  reading: Reading,
  body: (chain: Chain) => Promise<T>,
): Promise<T> {
  const { data } = options;
  if (data === undefined || (await isWritable(data))) return read(options, reading, body);
  const copy = await mkdtemp(join(tmpdir(), 'blockferry-copy-'));
  try {
    await copyStore(data, copy, reading.signal);
    return await read({ ...options, data: copy }, reading, body);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function read<T>(
  options: StoreOptions,
  { command, needsRules = false }: Reading,
  body: (chain: Chain) => Promise<T>,
): Promise<T> {
  const chain = await openPlanned(storePlan(options, false), { onlyReads: true, needsRules }).catch(
    (error: unknown) => {
      throw isSyncError(error, 'STORE_LOCKED') ? lockedError(error, options, command) : error;
    },
  );
  try {
    return await body(chain);
  } finally {
    await chain.close();
  }
}

/** A store that another process has open, as one that is served. */
function lockedError(cause: SyncError, { data }: StoreOptions, command: string): SyncError {
  if (data === undefined) return cause;
  const copy = `\`blockferry backup --data ${data} COPY\` copies it while it is open; then \`blockferry ${command} --data COPY\`.`;
  const asked = 'If it is served, `blockferry status --peer URL` asks the server. ';
  return new SyncError('STORE_LOCKED', `${cause.message} ${command === 'status' ? asked : ''}${copy}`, {
    cause,
  });
}

async function isWritable(data: string): Promise<boolean> {
  try {
    await access(data, constants.W_OK);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return !['EACCES', 'EPERM', 'EROFS'].includes(code);
  }
}
