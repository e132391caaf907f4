import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { importCircles } from '../../scripts/imports/circles.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

test('no file of the package imports itself by way of others, not even for types', (t) => {
  t.deepEqual(importCircles(projectRoot, ['src', 'plugins']), []);
});

test('a circle is found whatever kind of import makes it, and told with its way', (t) => {
  for (const back of [
    "import { a } from './a.js';",
    "import type { A } from './a.js';",
    "import { type A } from './a.js';",
    "export * from './a.js';",
    "export type { A } from './a.js';",
    "export const later = () => import('./a.js');",
    "export type B = import('./a.js').A;",
  ]) {
    const root = tempDir(t);
    write(root, {
      'src/main.ts': "import './room/a.js';",
      'src/room/a.ts': "import { c } from '../../plugins/c.js';\nexport type A = 1;",
      'plugins/c.ts': "export { b as c } from '../src/room/b.js';",
      'src/room/b.ts': back,
    });
    const way = ['plugins/c.ts', 'src/room/b.ts', 'src/room/a.ts', 'plugins/c.ts'];
    t.deepEqual(importCircles(root, ['src', 'plugins']), [way], back);
  }
});

test('files that share what they import make no circle, nor does a word in a comment or a text', (t) => {
  const root = tempDir(t);
  write(root, {
    'src/a.ts': "import './b.js';\nimport './c.js';\nimport 'node:fs';",
    'src/b.ts': "import './c.js';",
    'src/c.ts': "// import './a.js';\nexport const text = `import './a.js'`;",
  });
  t.deepEqual(importCircles(root, ['src']), []);
});
