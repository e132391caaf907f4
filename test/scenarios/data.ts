import { fileURLToPath } from 'node:url';

/** Real input, seen from `dist/test/scenarios`; `BLOCKFERRY_DATA` points elsewhere. */
export const DATA =
  process.env['BLOCKFERRY_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
