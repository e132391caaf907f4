import type { BodyCheck } from '../case.js';
import type { Check } from './check.js';
import { chain, documents, frames, noDocuments } from './documents.js';
import { commentFirst, complete, events } from './events.js';
import { empty, problem, shape } from './plain.js';
import { manifest, snapshotPart } from './snapshots.js';
import { index, part, tile } from './tiles.js';

/** How each kind of body is looked at. */
export const CHECKS: { readonly [Is in BodyCheck['is']]: Check<Is> } = {
  empty,
  problem,
  shape,
  documents,
  frames,
  'no-documents': noDocuments,
  chain,
  events,
  complete,
  'comment-first': commentFirst,
  index,
  tile,
  part,
  manifest,
  'snapshot-part': snapshotPart,
};
