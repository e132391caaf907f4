/** Node cuts small buffers out of one of 8 KiB, unless the host has set another size; none takes half of it. */
const MIN_BYTES = 12 * 1024;

type Port = InstanceType<typeof MessagePort>;

let closed: Port | null = null;

/**
 * Frees the memory under bytes that nobody uses any more, at once. The collector alone lets up to 64 MB of buffers pile
 * up in each thread before it looks at them, which is most of what a process that only passes bytes on would hold.
 *
 * What was handed over to a port whose other end is closed is thrown away with the message. Small buffers, and
 * those that are less than half of their memory, are left to the collector: that memory may be shared.
 *
 * @param bytes - all views of the same memory are empty afterwards.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || bytes.byteLength < MIN_BYTES) return;
  if (2 * bytes.byteLength < buffer.byteLength) return;
  closed ??= closedPort();
  closed.postMessage(null, [buffer]);
}

function closedPort(): Port {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}
