import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's top folder, seen from `dist/scripts/lib`. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Path of something below the top folder. */
export function inProject(...parts: readonly string[]): string {
  return join(projectRoot, ...parts);
}
