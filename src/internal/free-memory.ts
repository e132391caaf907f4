/** Less isn't worth a message. */
const MIN_BYTES = 12 * 1024;

type Port = InstanceType<typeof MessagePort>;

let closed: Port | null = null;

/**
 * Frees the memory under bytes that nobody uses any more, at once. The collector alone lets up to 64 MB of buffers pile
 * up in each thread before it looks at them, which is most of what a process that only passes bytes on would hold.
 *
 * What was handed over to a port whose other end is closed is thrown away with the message. Left to the collector are
 * small buffers, those that are less than half of their memory, as Node cuts them out of its pool (8 KiB or 64 KiB, or
 * what the host has set), and memory that is marked as not to be handed over, as that pool is.
 *
 * @param bytes - all views of the same memory are empty afterwards.
 */
export function freeMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || bytes.byteLength < MIN_BYTES) return;
  if (2 * bytes.byteLength < buffer.byteLength) return;
  closed ??= closedPort();
  try {
    closed.postMessage(null, [buffer]);
  } catch {
    // What can't be handed over, or nothing on this platform, is left to the collector.
  }
}

function closedPort(): Port {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}
