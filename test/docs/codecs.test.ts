import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CODEC_NAMES, CODECS, type CodecName } from '../../src/internal/codecs.js';
import { projectRoot } from '../helpers/shared.js';

const text = readFileSync(join(projectRoot, 'docs', 'codecs.md'), 'utf8');

const BLOCKS = { default: 'by default', unstreamed: 'not in streams' } as const;
const TILES = { always: 'always', also: 'beside gzip', never: 'none' } as const;

function rowOf(name: CodecName): readonly string[] {
  const { blocks, contentEncoding, snapshots, tiles, suffix, needs } = CODECS[name];
  const encoding = contentEncoding === null ? 'none' : `\`${contentEncoding}\``;
  return [
    `\`${name}\``,
    BLOCKS[blocks],
    encoding,
    String(snapshots),
    TILES[tiles ?? 'never'],
    `\`.${suffix}\``,
    needs ?? 'nothing',
  ];
}

test('the table of codecs in the documents is that of the code, and each codec has a section', (t) => {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  t.deepEqual(rows, CODEC_NAMES.map(rowOf));
  const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  t.deepEqual(sections, [...CODEC_NAMES]);
});
