import {
  type Document,
  isNull,
  malformed,
  MAX_DEPTH,
  optionalMember,
  scanBlock,
  scanObject,
  type ScanOptions,
  type Span,
} from '../../src/internal/json/index.js';

/** A path of names, with what is looked for on the way. */
interface Path {
  readonly whole: string;
  /** What the objects on the way are called, `''` for the document: `''`, `block`, `block.header`. */
  readonly objects: readonly string[];
  readonly names: readonly string[];
}

/** Finds the values of some paths in documents; each object on the way is scanned once. */
export class PathReader {
  readonly #paths: ReadonlyMap<string, Path>;
  readonly #scans: ReadonlyMap<string, ScanOptions>;

  constructor(paths: readonly string[]) {
    const split = paths.map(splitPath);
    this.#paths = new Map(split.map((path) => [path.whole, path]));
    const wanted = new Map<string, string[]>([['', [...paths]]]);
    for (const { objects, names } of split)
      for (const [at, object] of objects.entries())
        wanted.set(object, [...(wanted.get(object) ?? []), names[at] as string]);
    this.#scans = new Map(
      Array.from(wanted, ([object, names]) => [object, { maxDepth: MAX_DEPTH, names: [...new Set(names)] }]),
    );
  }

  /** @throws SyncError `BLOCK_MALFORMED` */
  read(document: Uint8Array): PathValues {
    const scanned = new Map<string, Document | null>([['', scanBlock(document, this.#scan(''))]]);
    return { valueOf: (path) => this.#value(scanned, this.#paths.get(path) ?? splitPath(path)) };
  }

  #value(scanned: Map<string, Document | null>, { whole, objects, names }: Path): Span | null {
    let object: Document | null = null;
    for (const [at, name] of objects.entries()) {
      object = this.#object(scanned, name, object, names[at - 1] ?? '');
      if (object === null) break;
    }
    const value = object === null ? null : optionalMember(object, names.at(-1) ?? '');
    return names.length === 1 ? value : withLiteral(scanned.get(''), whole, value);
  }

  /** An object on the way; `null` when it is missing, or `null` in the document. */
  #object(
    scanned: Map<string, Document | null>,
    path: string,
    parent: Document | null,
    name: string,
  ): Document | null {
    const known = scanned.get(path);
    if (known !== undefined) return known;
    const value = parent === null ? null : optionalMember(parent, name);
    const made = parent === null || value === null ? null : this.#scanned(parent.bytes, value, path);
    scanned.set(path, made);
    return made;
  }

  #scanned(bytes: Uint8Array, value: Span, path: string): Document | null {
    if (isNull(bytes, value)) return null;
    if (bytes[value.start] !== 0x7b) throw malformed(value.start, `no object in "${path}"`);
    return scanObject(bytes, value, this.#scan(path));
  }

  #scan(object: string): ScanOptions {
    return this.#scans.get(object) ?? { maxDepth: MAX_DEPTH, names: [] };
  }
}

/** What stands at the paths of one document. */
export interface PathValues {
  /** `null` when nothing does. @throws SyncError `BLOCK_MALFORMED` */
  valueOf(path: string): Span | null;
}

/** A name may have dots of its own; a document with both has no one place. */
function withLiteral(top: Document | null | undefined, name: string, value: Span | null): Span | null {
  const literal = top === null || top === undefined ? null : optionalMember(top, name);
  if (literal !== null && value !== null)
    throw malformed(literal.start, `both a path and a member "${name}"`);
  return literal ?? value;
}

function splitPath(whole: string): Path {
  const names = whole.split('.');
  return { whole, names, objects: names.map((_, at) => names.slice(0, at).join('.')) };
}
