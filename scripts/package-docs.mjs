// Before packing: takes the links to what is not in the package (tests) out of the documents that are; `--restore` undoes
// it. Plain JavaScript: it runs unbuilt.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const kept = join(root, 'temp', 'package-docs');
const documents = ['SECURITY.md', 'docs/architecture.md'];
/** A link to a test, which is left as its text. */
const LINK = /\[([^\][]*)\]\((?:\.\.\/)?test\/[^)\s]*\)/g;

for (const path of documents) {
  const original = join(kept, basename(path));
  const file = join(root, path);
  // One that was interrupted has left the original.
  if (existsSync(original)) copyFileSync(original, file);
  if (process.argv.includes('--restore')) continue;
  mkdirSync(kept, { recursive: true });
  copyFileSync(file, original);
  writeFileSync(file, readFileSync(file, 'utf8').replace(LINK, '$1'));
}
if (process.argv.includes('--restore')) rmSync(kept, { recursive: true, force: true });
