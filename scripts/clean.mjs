// Removes what a package is packed from, so that nothing of deleted sources gets in. Plain JavaScript: it runs unbuilt.
import { rmSync } from 'node:fs';

for (const path of ['src', 'plugins', '.tsbuildinfo']) {
  rmSync(new URL(`../dist/${path}`, import.meta.url), { recursive: true, force: true });
}
