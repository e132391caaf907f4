import type { SnapshotManifest } from '../../../../src/contracts/index.js';
import { asObject, isHash, isHeight } from '../../../../src/internal/http/shape.js';
import { isSnapshotType } from '../../../../src/internal/snapshot-types.js';
import { corrupt } from './corrupt.js';
import type { Input } from './input.js';

/** What a snapshot document says of itself before what it holds. */
export type DocumentHead = Pick<
  SnapshotManifest,
  'height' | 'base' | 'chainId' | 'chain' | 'type' | 'timestamp'
>;

/** The longest head that there can be has two names of 256 characters. */
const MAX_HEAD_BYTES = 4096;
/** Can't stand inside of a string, where a quote is behind a backslash. */
const HEAD_END = Buffer.from(',"accounts":[');
const NAMES = ['height', 'base', 'chainId', 'chain', 'type', 'timestamp'] as const;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the members before `accounts`; the reader stands in the array of accounts then. There is one spelling only:
 * that of `JSON.stringify` (protocol section 2.4).
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export async function readHead(input: Input): Promise<DocumentHead> {
  const text = await headText(input);
  const head = checkHead(parseObject(`${text}}`));
  if (JSON.stringify(head) === `${text}}`) return head;
  throw corrupt(`its first members are not ${NAMES.join(', ')} in this order without anything between them`);
}

/** Checks a head against the manifest. @throws SyncError `SNAPSHOT_CORRUPT` */
export function requireHead(head: DocumentHead, manifest: SnapshotManifest): void {
  for (const name of NAMES) {
    if (head[name] === manifest[name]) continue;
    throw corrupt(`its ${name} is ${head[name]}, the manifest says ${manifest[name]}`);
  }
}

async function headText(input: Input): Promise<string> {
  let held = Buffer.alloc(0);
  for (;;) {
    await input.peek();
    const { bytes } = input.chunk;
    const fresh = bytes.subarray(0, MAX_HEAD_BYTES + HEAD_END.length - held.length);
    const found = Buffer.concat([held, fresh]).indexOf(HEAD_END);
    if (found >= 0) {
      input.at = found + HEAD_END.length - held.length;
      return decode(Buffer.concat([held, fresh]).subarray(0, found));
    }
    held = Buffer.concat([held, fresh]);
    if (held.length >= MAX_HEAD_BYTES) throw corrupt(`its first ${MAX_HEAD_BYTES} bytes have no accounts`);
    input.at = bytes.length;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw corrupt('its first members are not UTF-8', cause);
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text)) ?? {};
  } catch (cause) {
    throw corrupt('its first members are not JSON', cause);
  }
}

function checkHead(members: Readonly<Record<string, unknown>>): DocumentHead {
  const { height, base, chainId, chain, type, timestamp } = members;
  if (!isHeight(height)) throw wrong('height');
  if (!isHeight(base) || base > height) throw wrong('base');
  if (!isHash(chainId)) throw wrong('chainId');
  if (!isHash(chain)) throw wrong('chain');
  if (!isSnapshotType(type)) throw wrong('type');
  if (!isHeight(timestamp)) throw wrong('timestamp');
  return { height, base, chainId, chain, type, timestamp };
}

function wrong(member: string): Error {
  return corrupt(`its member ${member} is missing or not valid`);
}
