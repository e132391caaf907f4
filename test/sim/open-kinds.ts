import type { FaultKind } from './faults.js';
import type { LieKind } from './lies.js';

/**
 * Kinds that an engine does not always get over yet; `npm run soak` has them, the tests leave them out:
 *
 * - `refuse-anchor`: the only peer that is left answers 401, 404 or with a page for a while, and is not asked again.
 * - `stall`: a peer whose stream stops before its head is asked by ranges in turn, and never left for another peer.
 * - `withhold`: a peer that keeps its new blocks back after its head was reached holds the client there for good.
 * - `drip`: a stream of which nothing has come yet when its first block is replaced ends with `FORKED`, after which the
 *   peer is not asked again.
 */
export const OPEN_KINDS: readonly (FaultKind | LieKind)[] = ['refuse-anchor', 'drip', 'stall', 'withhold'];
