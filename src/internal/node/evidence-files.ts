import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PRIVATE_DIRECTORY } from '../private-mode.js';
import { replaceFile } from './replace-file.js';
import { makeDirectory } from './make-directory.js';

/** Two documents that one producer has signed for one height. */
interface Pair {
  readonly height: number;
  readonly producer: string;
  readonly documents: readonly [Uint8Array, Uint8Array];
}

/** So much is kept of one producer, so that it can't keep out the proof of what others do, and of all. */
const MAX_OF_PRODUCER = 8;
const MAX_PAIRS = 64;
const MAX_BYTES = 64 * 1024 * 1024;

const NAME = /^(0|[1-9]\d{0,15})-([0-9a-f]{64,66})\.ndjson$/;
const LF = 0x0a;

/** Keeps evidence as files, each of two lines: the documents, of which neither has a line break in it. */
export class EvidenceFiles {
  readonly #directory: string;

  /** @param directory - made when there is something to keep. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async list(): Promise<readonly Pair[]> {
    const pairs: Pair[] = [];
    for (const { name, height, producer } of await this.#names()) {
      const documents = twoLines(await readFile(join(this.#directory, name)));
      if (documents !== null) pairs.push({ height, producer, documents });
    }
    return pairs.sort((a, b) => a.height - b.height);
  }

  async has(height: number, producer: string): Promise<boolean> {
    const name = nameOf(height, producer);
    return (await this.#names()).some((known) => known.name === name);
  }

  /** What can't be written is not kept: a node whose disk fails has other things to stop for. */
  async keep({ height, producer, documents: [one, other] }: Pair): Promise<boolean> {
    const contents = Buffer.concat([one, Uint8Array.of(LF), other, Uint8Array.of(LF)]);
    try {
      if (!(await this.#hasRoomFor(producer, contents.length))) return false;
      await makeDirectory(this.#directory, PRIVATE_DIRECTORY);
      await replaceFile(join(this.#directory, nameOf(height, producer)), contents);
      return true;
    } catch {
      return false;
    }
  }

  async #hasRoomFor(producer: string, bytes: number): Promise<boolean> {
    const names = await this.#names();
    const sizes = await Promise.all(
      names.map(async ({ name }) => (await stat(join(this.#directory, name))).size),
    );
    const isFull = sizes.reduce((sum, size) => sum + size, bytes) > MAX_BYTES || names.length >= MAX_PAIRS;
    return !isFull && names.filter((one) => one.producer === producer).length < MAX_OF_PRODUCER;
  }

  async #names(): Promise<readonly { name: string; height: number; producer: string }[]> {
    const names = await readdir(this.#directory).catch(absent);
    return names.flatMap((name) => {
      const [, height, producer] = NAME.exec(name) ?? [];
      return producer === undefined ? [] : [{ name, height: Number(height), producer }];
    });
  }
}

function nameOf(height: number, producer: string): string {
  return `${height}-${producer}.ndjson`;
}

/** `null` for a file that is something else. */
function twoLines(bytes: Buffer): readonly [Uint8Array, Uint8Array] | null {
  const first = bytes.indexOf(LF);
  const second = bytes.indexOf(LF, first + 1);
  if (first < 0 || second !== bytes.length - 1) return null;
  return [bytes.subarray(0, first), bytes.subarray(first + 1, second)];
}

function absent(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}
