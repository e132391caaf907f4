import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** What writes to a response. */
type Writer = Readonly<Record<'write' | 'end', object>>;

/** `write` and `end` as Node has them. */
const nodesOwn = new WeakSet<object>();
addNodesOwn(ServerResponse.prototype);

/** Adds those of another class of Node's. */
export function addNodesOwn({ write, end }: Writer): void {
  nodesOwn.add(write).add(end);
}

/**
 * Whether what is written to a response goes to the system and to nobody else. Middleware that has put its own `write` or
 * `end` on it may keep the bytes for longer than the response lasts, as may a socket that is not Node's.
 */
export function isUnwrapped(res: ServerResponse): boolean {
  const writer: Writer = res;
  if (!nodesOwn.has(writer.write) || !nodesOwn.has(writer.end)) return false;
  // HTTP/2 lets nobody have its socket, nor write to it.
  if ((res as { readonly stream?: object }).stream !== undefined) return true;
  // Not that of the response, which has none while it waits behind another one, and none once it is sent.
  const { socket } = res.req;
  return socket instanceof Socket && !Object.hasOwn(socket, 'write');
}
