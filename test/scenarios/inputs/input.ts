import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedPath } from '../../helpers/shared.js';

/** One of the shared inputs, and what must come of it. */
export interface Input {
  readonly name: string;
  /** What is imported, or sealed: a file, or the bytes that another command makes of one. */
  readonly content: string | Uint8Array;
  readonly command: 'import' | 'seal';
  /** The chain rules, and those that came nearest before. */
  readonly chain: string;
  readonly chainBefore: string;
  /** Options of the rules. */
  readonly options: object;
  /** What is said beside the rules, in words. */
  readonly configuration: string;
  /** Height of the first block. */
  readonly base: number;
  /** What it must be refused with, code and message; `null` where it must be taken. */
  readonly refusal: RegExp | null;
}

/** An input that is imported as it is. */
export function input(name: string, content: Input['content'], more: Partial<Input> = {}): Input {
  const { chain = 'sealed-json' } = more;
  const rest = { options: {}, configuration: '', base: 0, refusal: null };
  return { name, content, command: 'import', chain, chainBefore: chain, ...rest, ...more };
}

/** The files of a folder of the shared inputs, in order; none where it is missing. */
export function filesIn(folder: string): readonly string[] {
  const path = sharedPath(folder);
  return path === null ? [] : readdirSync(path).toSorted();
}

/** @throws TypeError where it is not on this machine */
export function pathOf(name: string): string {
  const path = sharedPath(name);
  if (path === null) throw new TypeError(`${name} is not on this machine.`);
  return path;
}

export function read(...name: readonly string[]): Buffer {
  return readFileSync(pathOf(join(...name)));
}

/** Several documents as a file of them. */
export function lines(documents: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(documents.flatMap((document) => [document, Buffer.from('\n')]));
}
