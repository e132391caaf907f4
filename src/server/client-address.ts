import { isIPv6 } from 'node:net';

/** Groups of 16 bits in an address, and those of them that name a network (RFC 4291 section 2.5.4). */
const GROUPS = 8;
const NETWORK_GROUPS = 4;
/** An IPv4 address as a socket for both versions gives it (RFC 4291 section 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What a client is counted under: its address, or of IPv6 the network of 64 bits that it is in. A client picks any
 * address in its network, so that each of them would have limits of its own.
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  // Of version 4. Most are, and the pattern of the other version is a long one.
  if (!address.includes(':')) return address;
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(address) ? networkOf(address) : address;
}

function networkOf(address: string): string {
  const [plain = ''] = address.split('%', 1);
  const [front = '', back] = plain.split('::', 2);
  const head = groupsOf(front);
  const tail = back === undefined ? [] : groupsOf(back);
  // An IPv4 address at the end stands for two groups, which the network is never made of.
  const written = tail.length + (plain.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, GROUPS - head.length - written) }, () => 0);
  const groups = [...head, ...zeros, ...tail].slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

function groupsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}
