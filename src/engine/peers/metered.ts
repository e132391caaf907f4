import type { WireItem } from '../../contracts/index.js';

/**
 * What a peer sends, with the rate of it told.
 *
 * @param onReceived - runs for each answer with its bytes and how long it was waited for, in milliseconds; may throw to
 *   give the peer up.
 */
export async function* metered(
  answers: AsyncIterable<readonly WireItem[]>,
  now: () => number,
  onReceived: (items: readonly WireItem[], bytes: number, waitMs: number) => void,
): AsyncGenerator<readonly WireItem[], void, undefined> {
  let waitsSinceMs = now();
  for await (const items of answers) {
    onReceived(items, bytesOf(items), now() - waitsSinceMs);
    yield items;
    waitsSinceMs = now();
  }
}

function bytesOf(items: readonly WireItem[]): number {
  let bytes = 0;
  for (const item of items) {
    if (item.kind === 'frame') bytes += item.bytes.byteLength;
    if (item.kind === 'tile') bytes += item.receivedBytes ?? item.tile.bytes;
  }
  return bytes;
}
