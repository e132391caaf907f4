import type { TileEntry } from '../../../contracts/index.js';
import { parseJsonObject } from '../../../internal/http/shape.js';
import { asTileEntry } from '../../../internal/http/tile-entry.js';
import { ClaimedCut } from '../../../tiles/claimed-cut.js';
import { PAGE_HEIGHTS } from '../../../tiles/name.js';
import { linesOf } from '../lines.js';
import { misshapen } from '../shape.js';
import { must } from '../unmet.js';

/** The tiles of an index. @throws Unmet for lines that are none @throws SyncError `PROTOCOL_VIOLATION` for another cut */
export function indexEntries(bytes: Uint8Array): readonly TileEntry[] {
  const lines = linesOf(bytes, PAGE_HEIGHTS);
  must(lines.length > 0, 'the index has no line');
  const cut = new ClaimedCut();
  return lines.map((line, at) => {
    const members = parseJsonObject(line);
    const wrong = misshapen(members, 'TileEntry');
    must(wrong === null, `line ${at + 1}: ${wrong ?? ''}`);
    const entry = asTileEntry(members);
    must(entry !== null, `line ${at + 1} has lengths that no tile has`);
    cut.add(entry);
    return entry;
  });
}
