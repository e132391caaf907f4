import type { HeaderValue } from '../contracts/index.js';
import type { ConfiguredPeer } from '../engine/peers/peer-record.js';
import {
  inside,
  isObject,
  object,
  oneOf,
  type Reader,
  refusal,
  textOr,
  unfit,
  type Where,
  withDefault,
} from '../internal/options/index.js';
import type { PeerConfig } from './types.js';

/** A peer, by its address or with headers. The read one has the address in its one spelling. */
export const peer: Reader<ConfiguredPeer> = textOr(address(), peerWithHeaders());

/** Reads a peer's address. An address without a path means the router at `/sync`. @throws TypeError */
export function normalizePeer(url: string): ConfiguredPeer {
  const parsed = parse(url);
  if (typeof parsed === 'string') throw new TypeError(`A peer's address ${parsed}`);
  return parsed;
}

function address(): Reader<ConfiguredPeer> {
  const expects = 'an http or https URL, or file:///folder';
  return {
    expects,
    read(value, where) {
      if (typeof value !== 'string') throw unfit(where, expects, value);
      const parsed = parse(value);
      if (typeof parsed === 'string') throw refusal(where, parsed);
      return parsed;
    },
  };
}

function peerWithHeaders(): Reader<ConfiguredPeer> {
  const rollbacks = withDefault(oneOf(['proved', 'trusted']), 'proved');
  const spec = { url: address(), headers: headers(), rollbacks } satisfies Record<
    keyof PeerConfig,
    Reader<unknown>
  >;
  const config = object(spec, 'an object {url, headers, rollbacks}');
  return {
    expects: config.expects,
    parts: { ...config.parts },
    read(value, where) {
      const { url, headers: sent, rollbacks: said } = config.read(value, where);
      const all = Object.freeze({ ...url.headers, ...sent });
      return Object.freeze({ url: url.url, headers: all, rollbacks: said });
    },
  };
}

/** Characters of a field's name (a token) and value (RFC 9110, sections 5.1 and 5.5). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** No message has a value in it: it may be a secret. */
function headers(): Reader<Readonly<Record<string, HeaderValue>>> {
  const expects = 'an object of header names and texts, or functions that give them';
  return {
    expects,
    fallback: {},
    read(value = {}, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      const read = Object.entries(value).map(([name, content]) => {
        const at = inside(where, `[${JSON.stringify(name)}]`);
        if (!NAME.test(name)) throw refusal(at, 'is no name of an HTTP header.');
        return [name.toLowerCase(), headerValue(content, at)] as const;
      });
      const names = read.map(([name]) => name);
      const second = names.find((name, index) => names.indexOf(name) !== index);
      if (second !== undefined) throw refusal(where, `has the header ${second} twice, in two spellings.`);
      return Object.fromEntries(read);
    },
  };
}

function headerValue(value: unknown, at: Where): HeaderValue {
  // What it gives is looked at when it was called.
  if (typeof value === 'function') return value as Exclude<HeaderValue, string>;
  if (typeof value !== 'string') throw unfit(at, 'a text, or a function that gives one', value);
  if (!VALUE.test(value)) throw refusal(at, "has characters that an HTTP header can't carry.");
  return value;
}

/** The peer, or what is wrong with its address. */
function parse(url: string): ConfiguredPeer | string {
  const named = JSON.stringify(url.replace(/\/\/[^/@]*@/, '//…@'));
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['http:', 'https:', 'file:'].includes(parsed.protocol))
    return `must be an http or https URL, or file:///folder, not ${named}.`;
  if (parsed.search !== '' || parsed.hash !== '') return `must have no query or fragment, not ${named}.`;
  if (parsed.protocol === 'file:') return folder(parsed);
  const sent = credentials(parsed);
  if (sent === null) return 'has credentials that are not percent-encoded UTF-8.';
  const path = parsed.pathname.replace(/\/+$/, '');
  return Object.freeze({
    url: `${parsed.origin}${path === '' ? '/sync' : path}`,
    headers: Object.freeze(sent),
    rollbacks: 'proved',
  });
}

/** A folder of this machine, in which history was published. */
function folder({ host, pathname }: URL): ConfiguredPeer | string {
  if (host !== '') return 'must be a file URL without a host: file:///folder.';
  const path = pathname.replace(/\/+$/, '');
  if (path === '' || !isPath(path)) return 'must name a folder: file:///folder.';
  return Object.freeze({ url: `file://${path}`, headers: Object.freeze({}), rollbacks: 'proved' });
}

/** Whether a file can have it: no name has a slash or a zero in it, and what is no UTF-8 can't be decoded. */
function isPath(encoded: string): boolean {
  try {
    return !/%(?:2f|00)/i.test(encoded) && decodeURIComponent(encoded) !== '';
  } catch {
    return false;
  }
}

/** `fetch` refuses URLs with credentials; they become the header that they stand for (RFC 7617). */
function credentials({ username, password }: URL): Record<string, string> | null {
  if (username === '' && password === '') return {};
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { authorization: `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}` };
  } catch {
    return null;
  }
}
