import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/shared.js';

/** The folders directly below a folder of the project, as the documents name them. */
function foldersIn(parent: string): string[] {
  return readdirSync(join(projectRoot, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${parent}/${name}`);
}

/** What the table below a heading of docs/architecture.md has in its first column. */
function roomsOf(heading: string): string[] {
  const text = readFileSync(join(projectRoot, 'docs', 'architecture.md'), 'utf8');
  const [, section = ''] = text.split(`\n## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, folder = '']) => folder);
}

test('every folder of src and plugins has a row in the table of rooms', (t) => {
  const rooms = roomsOf('Rooms');
  const folders = [...foldersIn('src'), ...foldersIn('plugins')];
  t.true(folders.length > 0);
  t.deepEqual(
    folders.filter((folder) => !rooms.includes(folder)),
    [],
  );
});

test('the table of rooms has each folder once, and none that is not there', (t) => {
  const rooms = roomsOf('Rooms');
  t.deepEqual(rooms, [...new Set(rooms)]);
  t.deepEqual(
    rooms.filter((room) => !foldersIn(room.slice(0, room.lastIndexOf('/'))).includes(room)),
    [],
  );
});
