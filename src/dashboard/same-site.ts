import { SyncError } from '../errors/index.js';
import type { SyncRequest } from '../server/sync-request.js';

/** What browsers say of a request by a page of the same origin, and of one that a person typed (Fetch Metadata). */
const OWN: readonly (string | null)[] = [null, 'same-origin', 'none'];

/**
 * Refuses what the page of another site makes a browser ask for: it could read nothing of the answer, but would take
 * places, and the time to make it. Who asks without a browser says nothing of a site.
 *
 * @throws SyncError `FORBIDDEN`
 */
export function refuseOtherSites({ header }: Pick<SyncRequest, 'header'>): void {
  if (OWN.includes(header('sec-fetch-site'))) return;
  throw new SyncError('FORBIDDEN', 'A page of another site asks for this.');
}

const THIS_COMPUTER = /^(localhost|[^/?#@]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Whether a `Host` names this computer. A page of an attacker's can have its own name lead here (DNS rebinding), and then
 * reads what is here as its own; the browser still says that name.
 */
export function namesThisComputer(host: string | undefined): boolean {
  return host !== undefined && THIS_COMPUTER.test(host);
}
