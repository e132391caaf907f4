import { IncomingMessage, ServerResponse } from 'node:http';
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { addNodesOwn } from '../unwrapped.js';

addNodesOwn(Http2ServerResponse.prototype);

/**
 * Express replaces the prototypes of request and response by its own, which stand on HTTP/1.1's. Members of an object
 * itself win over those of any prototype, also of the one that a mounted app sets: so the members of HTTP/2 are put on
 * the objects, and the app, which may serve HTTP/1.1 at the same time, stays as it is.
 */
export function keepHttp2Members(req: Http2ServerRequest, res: Http2ServerResponse): void {
  // Frameworks look for the name of the host here; HTTP/2 has it in `:authority` (RFC 9113 section 8.3.1).
  req.headers.host ??= req.authority;
  Object.defineProperties(req, REQUEST_MEMBERS);
  Object.defineProperties(res, RESPONSE_MEMBERS);
}

const REQUEST_MEMBERS = membersOf(Http2ServerRequest.prototype, IncomingMessage.prototype);
const RESPONSE_MEMBERS: PropertyDescriptorMap = {
  ...membersOf(Http2ServerResponse.prototype, ServerResponse.prototype),
  // Express sets it; HTTP/2's own has no setter.
  req: { value: undefined, writable: true, configurable: true },
  // What `compression` and its like call before they look at the headers.
  _implicitHeader: { value: writeImplicitHead, writable: true, configurable: true },
};

function writeImplicitHead(this: Http2ServerResponse): void {
  if (!this.headersSent) this.writeHead(this.statusCode);
}

/** Every member of the one prototype that the other doesn't have as it is, and of the other what has to be hidden. */
function membersOf(own: object, replaced: object): PropertyDescriptorMap {
  const members: PropertyDescriptorMap = {};
  // With the symbols: Node's own methods call each other by them.
  const names = [...chainOf(own), ...chainOf(replaced)].flatMap((prototype) => Reflect.ownKeys(prototype));
  for (const name of new Set(names)) {
    if (name === 'constructor') continue;
    const descriptor = find(own, name);
    // Both stand on Node's streams; there are many requests, and each of them pays for each member.
    if (descriptor !== undefined && isSame(descriptor, find(replaced, name))) continue;
    members[name] = {
      ...(descriptor ?? { value: undefined, writable: true }),
      enumerable: false,
      configurable: true,
    };
  }
  return members;
}

function isSame(a: PropertyDescriptor, b: PropertyDescriptor | undefined): boolean {
  return a.value === b?.value && a.get === b?.get && a.set === b?.set;
}

function find(object: object, name: PropertyKey): PropertyDescriptor | undefined {
  for (const prototype of chainOf(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

function chainOf(start: object): object[] {
  const chain: object[] = [];
  let current: object | null = start;
  while (current !== null && current !== Object.prototype) {
    chain.push(current);
    current = Object.getPrototypeOf(current) as object | null;
  }
  return chain;
}
