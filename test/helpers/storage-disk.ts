import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { levelStorage } from '../../plugins/storage-leveldb/index.js';
import type { Frame, Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { plain } from '../../src/testing/compliance/storage-kit.js';
import { account, fixtureBatch, fixtureFrames } from '../../src/testing/fixture-frames.js';

/** A LevelDB store that is not open yet. */
export const levelAt = (location: string): Storage => levelStorage({ location }).create();

/** Fills a new store with a chain in batches of ten, closes it and gives the chain. */
export async function filledStore(location: string, count: number, bytes = 2000): Promise<readonly Frame[]> {
  const store = levelAt(location);
  await store.open();
  const frames = fixtureFrames(count, { bytes });
  for (let from = 0; from < count; from += 10) {
    const part = frames.slice(from, from + 10);
    await store.commit(
      fixtureBatch(
        part,
        part.map(({ header }) => changesOf(header.height)),
      ),
    );
  }
  await store.close();
  return frames;
}

const changesOf = (height: number): readonly ReturnType<typeof account>[] => [
  account(`k${height % 100}`, `${height}`),
];

/** What `filledStore` leaves in the table of accounts. */
export function filledAccounts(count: number): Map<string, string> {
  const entries = new Map<string, string>();
  for (let height = 0; height < count; height++) entries.set(`k${height % 100}`, `${height}`);
  return entries;
}

/** Copies a closed store. */
export function copyStore(from: string, to: string): string {
  cpSync(from, to, { recursive: true });
  return to;
}

/** Paths of the LevelDB files whose names end so. */
export function levelFiles(location: string, end: string, folder = ''): readonly string[] {
  return readdirSync(join(location, 'db', folder))
    .filter((name) => name.endsWith(end) || name.startsWith(end))
    .sort()
    .map((name) => join(location, 'db', folder, name));
}

/** The largest LevelDB file whose name ends so, or file of one of the folders beside it. */
export function largest(location: string, end: string, folder = ''): string {
  const [first] = [...levelFiles(location, end, folder)].sort((a, b) => statSync(b).size - statSync(a).size);
  if (first === undefined) throw new Error(`The store has no file ${end}.`);
  return first;
}

/** Flips one bit of a file. */
export function flipBit(path: string, at: number, bit = 0): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte.writeUInt8(byte.readUInt8(0) ^ (1 << bit), 0);
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

/** Cuts a file to a part of its length. */
export function cutTo(path: string, part: number): void {
  truncateSync(path, Math.floor(statSync(path).size * part));
}

/** Overwrites the end of a file, from a place on, with zeros, or adds zeros when the place is the end. */
export function zeroFrom(path: string, at: number, count: number): void {
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, at), Buffer.alloc(count)]));
}

/** What a look at everything in a store came to. */
export interface Inspection {
  /** Code and message of each failure, with the step: `open STORE_DAMAGED …`. */
  readonly failures: readonly string[];
  /** Ways in which the store is wrong without saying so. */
  readonly silent: readonly string[];
}

/**
 * Opens a store, reads everything in every way, and compares it with what it should be.
 */
export async function inspect(
  location: string,
  frames: readonly Frame[],
  accounts: Map<string, string> | null = null,
): Promise<Inspection> {
  const store = levelAt(location);
  const failures: string[] = [];
  const silent: string[] = [];
  const step = async (name: string, run: () => Promise<void>): Promise<boolean> => {
    try {
      await run();
      return true;
    } catch (error) {
      if (isSyncError(error) && error.code.startsWith('STORE_'))
        failures.push(`${name} ${error.code} ${error.message}`);
      else silent.push(`${name}: ${String(error)}`);
      return false;
    }
  };
  if (await step('open', () => store.open())) {
    await compareAll(store, frames, accounts, step, silent);
    await store.close();
  }
  return { failures, silent };
}

type Step = (name: string, run: () => Promise<void>) => Promise<boolean>;

async function compareAll(
  store: Storage,
  frames: readonly Frame[],
  accounts: Map<string, string> | null,
  step: Step,
  silent: string[],
): Promise<void> {
  const last = frames.at(-1)?.header.hash;
  if (store.checkpoint().head?.hash !== last) silent.push(`head is ${store.checkpoint().head?.height}`);
  await step('read', async () => {
    let next = 0;
    for await (const batch of store.read({ from: 0, to: Number.MAX_SAFE_INTEGER }))
      for (const frame of batch) compare(frame, frames[next++], 'read', silent);
    if (next !== frames.length) silent.push(`read ends after ${next}`);
  });
  for (const [height, frame] of frames.entries()) {
    await step(`get ${height}`, async () => {
      compare(await store.get(height), frame, `get ${height}`, silent);
    });
    await step(`header ${height}`, async () => {
      if ((await store.header(height))?.hash !== frame.header.hash) silent.push(`header ${height}`);
    });
  }
  if (accounts === null) return;
  await step('entries', async () => {
    const found = new Map<string, string>();
    for await (const batch of store.entries('accounts'))
      for (const { key, value } of batch) found.set(key, Buffer.from(value).toString());
    for (const [key, value] of accounts) if (found.get(key) !== value) silent.push(`entry ${key}`);
  });
  for (const [key, value] of accounts) {
    await step(`state ${key}`, async () => {
      const found = await store.getState('accounts', key);
      if (found === null || Buffer.from(found).toString() !== value) silent.push(`state ${key}`);
    });
  }
}

function compare(found: Frame | null, wanted: Frame | undefined, where: string, silent: string[]): void {
  const same =
    found !== null && wanted !== undefined && JSON.stringify(plain(found)) === JSON.stringify(plain(wanted));
  if (!same) silent.push(`${where}: block ${found?.header.height ?? 'none'} is not what was written`);
}
