import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A new empty folder that is removed when the test ends. */
export function tempDir(t: Pick<ExecutionContext, 'teardown'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'blockferry-'));
  t.teardown(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}
