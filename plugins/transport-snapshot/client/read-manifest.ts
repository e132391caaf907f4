import { setImmediate as turn } from 'node:timers/promises';
import type { SnapshotClaims, SnapshotManifest } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { parseJsonObject } from '../../../src/internal/http/shape.js';
import { checkTotals } from '../manifest.js';
import { corrupt, parseClaims, wrong, type Members } from '../manifest-claims.js';
import { ManifestSplitter, MAX_REST_BYTES } from './manifest-splitter.js';
import { PartTable } from './part-table.js';

/** How a manifest is to be read. */
export interface ManifestRules {
  readonly maxParts: number;
  /** Refuses it for what it says, before any work is done for its parts. */
  readonly check: (claims: SnapshotClaims) => Promise<void>;
}

/** Parts of one manifest at most, unless configured: 90 GB of document in parts of 900 kB. */
export const DEFAULT_MAX_PARTS = 100_000;

/** Bytes of a part's JSON, white space included: those of this project's servers have 150 at most. */
const PART_TEXT_BYTES = 192;
/** After so many bytes others have their turn. */
const TURN_BYTES = 32 * 1024;

/**
 * Reads a manifest from outside in one pass. Until `check` has taken its word, no more is held than {@link PartTable} does,
 * and no part is hashed.
 *
 * @throws SyncError `PEER_NOT_SYNC` for what is no JSON object, `SNAPSHOT_CORRUPT`, and what `check` throws
 */
export async function readManifest(
  chunks: AsyncIterable<Uint8Array>,
  { maxParts, check }: ManifestRules,
): Promise<SnapshotManifest> {
  const table = new PartTable(maxParts);
  const claims = parseClaims(await split(chunks, table, MAX_REST_BYTES + maxParts * PART_TEXT_BYTES));
  if (table.count === 0) throw wrong('parts');
  checkTotals(claims, table.length, table.rawLength);
  await check(claims);
  if ((await table.root()) !== claims.root) throw corrupt('its root is not that of its parts');
  return { ...claims, parts: await table.parts() };
}

/** @returns the members but the parts, which go into the table */
async function split(
  chunks: AsyncIterable<Uint8Array>,
  table: PartTable,
  maxBytes: number,
): Promise<Members> {
  const splitter = new ManifestSplitter((text) => {
    table.add(text);
  });
  let bytes = 0;
  let turnAt = TURN_BYTES;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += TURN_BYTES) {
      const piece = chunk.subarray(at, at + TURN_BYTES);
      bytes += piece.length;
      if (bytes > maxBytes) throw corrupt(`it has more than ${maxBytes} bytes`);
      splitter.push(piece);
      if (splitter.isOther) throw notManifest();
      if (bytes < turnAt) continue;
      turnAt = bytes + TURN_BYTES;
      await turn();
    }
  }
  const members = splitter.ended ? parseJsonObject(splitter.rest()) : null;
  if (members === null) throw notManifest();
  const { parts } = members;
  // A second list of parts would stand in place of the one that was taken.
  if (!Array.isArray(parts) || parts.length > 0) throw wrong('parts');
  return members;
}

function notManifest(): SyncError {
  return new SyncError('PEER_NOT_SYNC', 'What came in place of a manifest is not a JSON object.');
}
