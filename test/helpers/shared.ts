import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's top folder, seen from `dist/test/helpers`. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const dataRoot = process.env['BLOCKFERRY_DATA'] ?? join(projectRoot, '..', 'shared', 'data');

/**
 * Path of a file of the real input or of the test vectors (`data/…`, `vectors/…`); `null` when it is not on this machine.
 */
export function sharedPath(path: string): string | null {
  const [top, ...rest] = path.split('/');
  const root = top === 'data' ? dataRoot : join(dataRoot, '..', top ?? '');
  const full = join(root, ...rest);
  return existsSync(full) ? full : null;
}
