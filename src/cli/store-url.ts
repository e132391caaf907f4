import type { PostgresStorageConfig } from '../config/types.js';
import { UsageError } from './exit.js';

/** Parts of a store's URL that are ours, and not the database's. */
const OURS = ['store', 'schema', 'durability', 'leaseMs', 'outageMs', 'listenUrl'];

/** Those that are figures. */
const FIGURES = ['leaseMs', 'outageMs'];

/**
 * Reads the URL of a store in a database: `postgres://user@host/database?store=main`. What is not ours in its query is
 * passed on.
 *
 * @throws UsageError for one that has a password, which others on the machine could read. It does not show it.
 */
export function storeUrl(text: string): Omit<PostgresStorageConfig, 'role' | 'createIfMissing'> {
  if (!/^postgres(?:ql)?:\/\//.test(text))
    throw new UsageError('--store must be postgres://user@host/database.');
  const [place = '', query = ''] = text.split('?', 2);
  const params = new URLSearchParams(query);
  if (hasPassword(text) || hasPassword(params.get('listenUrl') ?? ''))
    throw new UsageError('--store has a password; put that into PGPASSWORD, or into a pgpass file.');
  const own = ownParts(params);
  const rest = params.toString();
  return { use: 'postgres', url: rest === '' ? place : `${place}?${rest}`, ...own };
}

/** Takes out what is ours. */
function ownParts(params: URLSearchParams): Readonly<Record<string, string | number>> {
  const own: Record<string, string | number> = {};
  for (const name of OURS) {
    const value = params.get(name);
    if (value !== null) own[name] = FIGURES.includes(name) ? Number(value) : value;
    params.delete(name);
  }
  return own;
}

function hasPassword(url: string): boolean {
  const [place = '', query = ''] = url.split('?', 2);
  return /^[^/]*\/\/[^@]*:.*@/s.test(place) || new URLSearchParams(query).has('password');
}
