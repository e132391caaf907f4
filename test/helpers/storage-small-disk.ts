import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of a few MiB; `null` where one can't be mounted. */
export interface SmallDisk {
  readonly path: string;
  remove(): void;
}

/** Mounts a tmpfs, which takes root and a kernel that lets it. */
export function smallDisk(mebibytes: number): SmallDisk | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const path = mkdtempSync(join(tmpdir(), 'blockferry-small-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  const remove = (): void => {
    rmSync(path, { recursive: true, force: true });
  };
  if (mounted.status !== 0) {
    remove();
    return null;
  }
  return {
    path,
    remove: () => {
      // Lazily: a process that was killed may hold its files for a moment longer.
      spawnSync('umount', ['-l', path]);
      remove();
    },
  };
}
