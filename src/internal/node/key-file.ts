import { parseJsonObject } from '../http/shape.js';
import { text } from '../options/index.js';
import { createPrivateFile, keyUnusable, readPrivateFile } from './private-file.js';

const FORMAT = 'blockferry-key';
const VERSION = 1;
/** A key file has about 230 bytes. */
const MAX_BYTES = 4096;

/** What a key file says of its key, not checked any further. */
export interface KeyText {
  readonly scheme: string;
  readonly publicKey: unknown;
  readonly secretKey: unknown;
}

/**
 * Reads a key file, one JSON object: `format` is `blockferry-key`, `version` 1, `scheme` one of `schemes`, `publicKey` and
 * `secretKey` are for the scheme to read. Further members are ignored.
 *
 * A file that its group or others may read, write or execute is refused, where files have modes.
 *
 * @throws SyncError `KEY_UNUSABLE`; no message has anything of the secret key in it.
 */
export async function readKeyText(path: string, schemes: readonly string[]): Promise<KeyText> {
  const members = parseJsonObject(await readPrivateFile(path, MAX_BYTES));
  if (members === null) throw keyUnusable(path, 'is not a JSON object');
  const { format, version, scheme, publicKey, secretKey } = members;
  if (format !== FORMAT) throw keyUnusable(path, 'is not a key file');
  const known = schemes.find((name) => name === scheme);
  if (version !== VERSION || known === undefined) {
    throw keyUnusable(path, `is not one of version ${VERSION} for ${schemes.join(' or ')}`);
  }
  return { scheme: known, publicKey, secretKey };
}

/**
 * Writes a key to a new file that only its owner may read (mode 0600), from its creation on; it is on disk when the
 * promise resolves.
 *
 * @throws SyncError `INPUT_UNREADABLE` when there is a file already, which is never overwritten, or writing fails.
 */
export async function writeKeyText(path: string, { scheme, publicKey, secretKey }: KeyText): Promise<void> {
  const key = { format: FORMAT, version: VERSION, scheme, publicKey, secretKey };
  await createPrivateFile(path, `${JSON.stringify(key)}\n`);
}

/** @throws TypeError for what is no path. */
export function checkKeyPath(owner: string, path: unknown): void {
  text('the path of a file').read(path, { owner, path: 'path' });
}
