import { clients } from './client.js';
import { servers } from './server.js';

/**
 * `npm run scenarios -- bombs`: what a hostile peer does to a client, and a hostile client to a server. `BLOCKFERRY_BOMBS`
 * names those of the responses and endpoints that are wanted, with commas between them.
 *
 * @throws Error when anything stands still too long or takes too much memory
 */
export async function bombs(): Promise<void> {
  const names = process.env['BLOCKFERRY_BOMBS']?.split(',') ?? [];
  const wanted = (kind: string): boolean => names.length === 0 || names.includes(kind);
  const tables = [await clients(wanted), await servers(wanted)];
  for (const table of tables) table.check();
}
