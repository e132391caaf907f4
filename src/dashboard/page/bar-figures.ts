import type { DashboardDocument } from '../document.js';
import { grouped, share } from './format.js';

/** A bar as it stands. */
export interface Bar {
  readonly name: string;
  readonly value: string;
  /** In percent, as text; empty where a share would say more than is known. */
  readonly share: string;
  /** Where the fill begins and ends, of the whole. */
  readonly from: number;
  readonly to: number;
  /** Where a hatched fill ends that begins at the left; 0 for none. */
  readonly hatched: number;
  readonly says: string;
}

/** The bars of a node: what is here, confirmed, final, assumed. Nothing that was not verified counts as such. */
export function barsOf(document: DashboardDocument): readonly Bar[] {
  const { base, here, confirmed, final, assumed } = document;
  return [
    verifiedBar('Here', here?.height ?? null, document, hereSays(assumed !== null, base)),
    verifiedBar(
      'Confirmed',
      confirmed?.height ?? null,
      document,
      'Enough peers are known to have these blocks.',
    ),
    verifiedBar('Final', final?.height ?? null, document, 'No branch takes their place any more.'),
    assumedBar(document),
  ];
}

/** What is below the base is not here, and what is assumed was not checked: neither is in the share. */
function verifiedBar(
  name: string,
  height: number | null,
  { top, base, assumed }: DashboardDocument,
  says: string,
): Bar {
  if (height === null || top === null) return { ...EMPTY, name, value: 'none yet', says };
  const whole = top + 1;
  const end = height + 1;
  const assumedEnd = assumed === null ? 0 : Math.min(assumed.height + 1, end);
  const from = Math.min(Math.max(base, assumedEnd), end);
  return {
    ...{ name, says, value: grouped(height), share: share(end - from, whole) },
    ...{ from: from / whole, to: end / whole, hatched: assumedEnd / whole },
  };
}

function assumedBar({ top, assumed }: DashboardDocument): Bar {
  const name = 'Assumed';
  if (assumed === null || top === null)
    return { ...EMPTY, name, value: 'none', says: 'No block rests on a signature alone.' };
  const says = 'Up to here blocks came in a snapshot and rest on its signatures.';
  return { ...EMPTY, name, says, value: grouped(assumed.height), hatched: (assumed.height + 1) / (top + 1) };
}

const EMPTY = { share: '', from: 0, to: 0, hatched: 0 };

function hereSays(hasAssumed: boolean, base: number): string {
  if (hasAssumed) return 'In the store. The hatched part is assumed, and left out of the share.';
  return base === 0
    ? 'In the store, each hash and link recomputed.'
    : `In the store from ${grouped(base)} on, each hash and link recomputed.`;
}
