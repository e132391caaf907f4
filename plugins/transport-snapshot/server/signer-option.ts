import type { Signer } from '../../../src/contracts/index.js';
import { inside, objectWith, type Reader, text } from '../../../src/internal/options/index.js';

const EXPECTS = 'a signer, such as `await readKeyFile(path)` gives';

/** Reads what signs snapshots; it is passed on as it is, since it holds the key. */
export function signer(): Reader<Signer> {
  const methods = objectWith<Signer>(EXPECTS, ['sign']);
  return {
    expects: EXPECTS,
    read(value, where) {
      const found = methods.read(value, where);
      text('the name of a scheme').read(found.scheme, inside(where, '.scheme'));
      text('a public key').read(found.publicKey, inside(where, '.publicKey'));
      return found;
    },
  };
}
