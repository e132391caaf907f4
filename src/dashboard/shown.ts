import type { BlockRef } from '../contracts/index.js';
import type { ShownError } from './document.js';

/** A text of a peer's or a host's may be of any length. */
const MAX_TEXT = 300;

/** The first characters of a text. */
export function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}

/** An error as it is shown; `null` for none. */
export function shownError(
  error: { readonly code: string; readonly message: string } | null,
): ShownError | null {
  return error === null ? null : { code: error.code, message: shortened(error.message) };
}

/** A reference and nothing else: what has one may have more. */
export function shownRef(ref: BlockRef | null | undefined): BlockRef | null {
  return ref === null || ref === undefined ? null : { height: ref.height, hash: shortened(ref.hash) };
}

/** The address of a peer without what may be a credential. */
export function shownUrl(url: string): string {
  try {
    const { origin, pathname } = new URL(url);
    return shortened(origin + (pathname === '/' ? '' : pathname));
  } catch {
    return shortened(url);
  }
}
