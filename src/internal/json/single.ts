import type { Document } from './document.js';
import { malformed } from './fail.js';
import type { Span } from './span.js';

/**
 * The value of a top-level member; `null` when there is none.
 *
 * @throws SyncError `BLOCK_MALFORMED` when the name occurs again: parsers disagree on which one counts.
 */
export function optionalMember(document: Document, name: string): Span | null {
  const again = document.duplicates.get(name);
  if (again !== undefined) throw malformed(again, `a second member "${name}"`);
  return document.members.get(name) ?? null;
}

/**
 * The value of a top-level member.
 *
 * @throws SyncError `BLOCK_MALFORMED` when there is none, or more than one.
 */
export function requiredMember(document: Document, name: string): Span {
  const value = optionalMember(document, name);
  if (value === null) throw malformed(document.span.start, `no member "${name}" in the object`);
  return value;
}
