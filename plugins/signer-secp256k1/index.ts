import { PLUGIN_API_VERSION, type SignaturePlugin } from '../../src/contracts/index.js';
import { SCHEME_ID, scheme } from './scheme.js';

export { generateKeyFile, readKeyFile, writeKeyFile } from './key-file.js';
export { secp256k1Signer } from './signer.js';

/**
 * Registers the scheme `secp256k1`: ECDSA with SHA-256, 64 bytes `r || s` with a low `s`, compressed public keys, all in
 * lower-case hex (protocol section 2.4).
 */
export function secp256k1(): SignaturePlugin {
  return { kind: 'signature', name: SCHEME_ID, apiVersion: PLUGIN_API_VERSION, create: () => scheme };
}
