import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/shared.js';

test('CONTRIBUTING has a row for every folder of the sources', (t) => {
  const text = readFileSync(join(projectRoot, 'CONTRIBUTING.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` /gm)].map(([, name]) => name);
  const rooms = readdirSync(join(projectRoot, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/${name}`);
  t.deepEqual(
    rooms.filter((room) => !rows.includes(room)),
    [],
  );
});
