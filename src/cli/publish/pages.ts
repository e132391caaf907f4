import { asTileEntry } from '../../internal/http/tile-entry.js';
import type { TileEntry } from '../../contracts/index.js';
import { entryLine } from '../../tiles/entry.js';
import { INDEX_NAME, PAGE_HEIGHTS, pagePath, tileNameOf, tilePath } from '../../tiles/name.js';
import type { Piece } from './pieces.js';
import type { PublishTarget } from './target.js';
import type { Form } from './form.js';
import { type Written, writePiece } from './write-once.js';

/** Folder of all tiles. */
export const TILES_FOLDER = 'tiles';

/** A page that is being written. */
interface Page {
  readonly path: string;
  /** Its index as it was; `null` for none. */
  readonly before: Buffer | null;
  /** The tiles of an index that was complete, by their first height: they were compared when they were written to it. */
  readonly known: ReadonlyMap<number, TileEntry>;
  readonly lines: string[];
}

/** Writes tiles in order, and the index of each page when its tiles are there. */
export class Pages {
  readonly #target: PublishTarget;
  readonly #forms: readonly Form[];
  #page: Page | null = null;

  /** @param forms - that tiles are written in besides gzip. */
  constructor(target: PublishTarget, forms: readonly Form[]) {
    this.#target = target;
    this.#forms = forms;
  }

  /** @throws SyncError `PUBLISH_CONFLICT`, `INPUT_UNREADABLE`, `STORE_*` */
  async add(tile: Piece): Promise<Written> {
    const path = `${TILES_FOLDER}/${pagePath(tile.entry.from)}`;
    if (this.#page?.path !== path) await this.finish();
    this.#page ??= await this.#open(path);
    const known = this.#page.known.get(tile.entry.from);
    const written = await writePiece(this.#target, tile, {
      forms: this.#forms,
      known: known !== undefined && isSame(known, tile.entry) ? known : null,
      pathIn: (codec) => `${TILES_FOLDER}/${tilePath(tileNameOf(tile.entry), codec)}`,
    });
    this.#page.lines.push(entryLine(written.entry));
    return written;
  }

  /** Writes the index of the page that is open. @throws SyncError `INPUT_UNREADABLE` */
  async finish(): Promise<void> {
    if (this.#page === null) return;
    const { path, before, lines } = this.#page;
    const text = lines.join('');
    if (before?.toString() !== text) await this.#target.put(`${path}/${INDEX_NAME}`, text);
    this.#page = null;
  }

  async #open(path: string): Promise<Page> {
    const before = await this.#target.read(`${path}/${INDEX_NAME}`);
    const entries = before === null ? [] : entriesOf(before.toString());
    const isComplete = ((entries.at(-1)?.to ?? 0) + 1) % PAGE_HEIGHTS === 0;
    const known = new Map(isComplete ? entries.map((entry) => [entry.from, entry] as const) : []);
    return { path, before, known, lines: [] };
  }
}

/** The lines of an index; what is none is left out, and the tile of it compared. */
function entriesOf(text: string): readonly TileEntry[] {
  return text.split('\n').flatMap((line) => {
    try {
      const entry = asTileEntry(JSON.parse(line));
      return entry === null ? [] : [entry];
    } catch {
      return [];
    }
  });
}

/** Whether two lines are of one tile, however long its bodies are. */
function isSame(one: TileEntry, other: TileEntry): boolean {
  return lineOfTile(one) === lineOfTile(other);
}

function lineOfTile({ from, to, hash, documentBytes, digest }: TileEntry): string {
  return entryLine({ from, to, hash, documentBytes, digest, bytes: 0 });
}
