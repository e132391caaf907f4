/** Of a buffer that is used less than this, what is used is copied out before it is kept. */
const WORTH_KEEPING = 1 / 2;

/**
 * The bytes as they may be kept. A view keeps all of its buffer in memory, also where it is a small part of it: of a read
 * from the network, or of the 8 KiB that Node cuts small buffers from. Such a view is copied.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return fills(bytes.byteLength, bytes) ? bytes : new Uint8Array(bytes);
}

/** Does for views of one chunk what {@link ownBytes} does for one: they are kept together, and copied together. */
export function ownViews(chunk: Uint8Array, views: readonly Uint8Array[]): readonly Uint8Array[] {
  let total = 0;
  for (const view of views) if (view.buffer === chunk.buffer) total += view.byteLength;
  if (total === 0 || fills(total, chunk)) return views;
  const memory = new Uint8Array(total);
  let at = 0;
  return views.map((view) => {
    if (view.buffer !== chunk.buffer) return view;
    memory.set(view, at);
    at += view.byteLength;
    return memory.subarray(at - view.byteLength, at);
  });
}

/** Whether so many bytes are a fair part of the buffer of a view. */
export function fills(byteLength: number, { buffer }: Uint8Array): boolean {
  return byteLength >= buffer.byteLength * WORTH_KEEPING;
}
