import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { tempDir } from '../helpers/temp-dir.js';

/** A test's own folder, and what was told of it when it was made. */
export interface Folder<T> {
  readonly dir: string;
  readonly made: T;
}

/**
 * A folder that is made once in a test file, when a test first asks for it, because making it takes long. Every test that
 * asks gets a copy of its own.
 */
export function sharedFolder<T>(
  make: (t: ExecutionContext, dir: string) => Promise<T>,
): (t: ExecutionContext) => Promise<Folder<T>> {
  const original = mkdtempSync(join(tmpdir(), 'blockferry-'));
  test.after.always(`The shared folder of ${make.name} is removed`, () => {
    rmSync(original, { recursive: true, force: true });
  });
  let making: Promise<T> | null = null;
  return async (t) => {
    making ??= make(t, original);
    const made = await making;
    const dir = tempDir(t);
    cpSync(original, dir, { recursive: true, preserveTimestamps: true });
    return { dir, made };
  };
}
