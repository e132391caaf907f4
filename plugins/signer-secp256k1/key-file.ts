import { utils } from '@noble/secp256k1';
import type { Signer } from '../../src/contracts/index.js';
import { checkKeyPath, readKeyText, writeKeyText } from '../../src/internal/node/key-file.js';
import { keyUnusable } from '../../src/internal/node/private-file.js';
import { secretKeyBytes, toHex } from './encoding.js';
import { SCHEME_ID } from './scheme.js';
import { publicKeyOf, secp256k1Signer } from './signer.js';

/**
 * Reads a key file, one JSON object: `format` is `blockferry-key`, `version` 1, `scheme` `secp256k1`, `publicKey` and
 * `secretKey` are the keys in lower-case hex. Further members are ignored.
 *
 * A file that its group or others may read, write or execute is refused, where files have modes.
 *
 * @throws TypeError for what is no path.
 * @throws SyncError `KEY_UNUSABLE`; no message has anything of the secret key in it.
 */
export async function readKeyFile(path: string): Promise<Signer> {
  checkKeyPath('readKeyFile', path);
  const { publicKey, secretKey } = await readKeyText(path, [SCHEME_ID]);
  const signer = await signerOf(secretKeyBytes(secretKey));
  if (signer === null) throw keyUnusable(path, 'holds no secret key of the curve');
  if (signer.publicKey !== publicKey)
    throw keyUnusable(path, 'names a public key that is not that of its secret key');
  return signer;
}

/**
 * Writes a secret key to a new file that only its owner may read (mode 0600), from its creation on; it is on disk when
 * the promise resolves.
 *
 * @param secretKey - as for `secp256k1Signer`.
 * @returns the public key.
 * @throws TypeError for what is no path or no secret key.
 * @throws SyncError `INPUT_UNREADABLE` when there is a file already, which is never overwritten, or writing fails.
 */
export async function writeKeyFile(
  path: string,
  secretKey: Uint8Array,
): Promise<{ readonly publicKey: string }> {
  checkKeyPath('writeKeyFile', path);
  const publicKey = publicKeyOf(secretKey);
  await writeKeyText(path, { scheme: SCHEME_ID, publicKey, secretKey: toHex(secretKey) });
  return { publicKey };
}

/**
 * Makes a new secret key of the system's randomness and writes it as `writeKeyFile` does.
 *
 * @throws TypeError for what is no path.
 * @throws SyncError `INPUT_UNREADABLE`
 */
export async function generateKeyFile(path: string): Promise<{ readonly publicKey: string }> {
  checkKeyPath('generateKeyFile', path);
  return writeKeyFile(path, utils.randomSecretKey());
}

/** `null` for a key out of range. */
async function signerOf(secretKey: Uint8Array | null): Promise<Signer | null> {
  return secretKey === null ? null : secp256k1Signer(secretKey).catch(() => null);
}
