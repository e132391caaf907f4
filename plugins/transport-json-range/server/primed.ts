/**
 * Chunks of which the first was fetched already, so that what fails before it still becomes a status. Not a generator:
 * one that was not started yet would pass no `return` on.
 */
export async function primed(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<AsyncIterable<Uint8Array>> {
  let first: IteratorResult<Uint8Array, void> | null = await chunks.next();
  const iterator: AsyncIterator<Uint8Array, void, undefined> = {
    next() {
      const result = first;
      if (result === null) return chunks.next();
      first = null;
      return Promise.resolve(result);
    },
    return() {
      first = null;
      return chunks.return();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
