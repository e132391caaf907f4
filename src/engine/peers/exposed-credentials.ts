import type { Peer } from '../../contracts/index.js';
import { isLoopback } from '../../internal/http/loopback.js';

/** Headers that let whoever has them act as the client. */
const SECRET: readonly string[] = ['authorization', 'cookie'];

/** For each peer that is sent a secret in the clear, over a network, what to tell of it. No text has a value in it. */
export function exposedCredentials(peers: readonly Peer[]): readonly string[] {
  return peers.flatMap(({ url, headers }) => {
    const { protocol, hostname } = new URL(url);
    const name = Object.keys(headers).find((each) => SECRET.includes(each.toLowerCase()));
    if (name === undefined || protocol !== 'http:' || isLoopback(hostname)) return [];
    return [`The header ${name} is sent to ${url} over plain HTTP, where it can be read on the way.`];
  });
}
