import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { NEXT_PHASES } from '../../src/engine/events/phases.js';
import { projectRoot } from '../helpers/shared.js';

const text = readFileSync(join(projectRoot, 'docs', 'embedding.md'), 'utf8');
const [, section = ''] = text.split('\n### Phases\n');
const rows = (section.split(/^#/m)[0] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [, phase = '', doing = '', next = ''] = line.split('|').map((cell) => cell.trim());
    return { phase: namesIn(phase)[0], doing, next: namesIn(next) };
  });

function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([a-z]+)`/g)].map(([, name = '']) => name);
}

test('the table of phases in the documents has the rows of the code, in its order', (t) => {
  t.deepEqual(
    rows.map(({ phase, next }) => [phase, next]),
    Object.entries(NEXT_PHASES),
  );
});

test('each phase is documented with what the engine does in it', (t) => {
  for (const { phase, doing } of rows) t.regex(doing, /^\w.{7,}/, phase);
});
