import test from 'ava';
import { MAX_DEPTH } from '../../src/internal/json/scan.js';
import { agree, bytesOf, quickly, SPECIMEN } from './json-quick-scan-support.js';

test('Both scans decide alike whatever byte stands in whatever place', (t) => {
  t.not(quickly(SPECIMEN, MAX_DEPTH), null);
  const wrong: string[] = [];
  for (let at = 0; at < SPECIMEN.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      const bytes = Buffer.from(SPECIMEN);
      bytes[at] = byte;
      if (!agree(bytes)) wrong.push(`${byte} at ${at}`);
    }
  }
  t.deepEqual(wrong, []);
});

test('Both scans decide alike when a byte is left out, put in or doubled, and when the end is missing', (t) => {
  const wrong: string[] = [];
  for (let at = 0; at < SPECIMEN.length; at++) {
    const [before, after] = [SPECIMEN.subarray(0, at), SPECIMEN.subarray(at)];
    const changed = [Buffer.concat([before, after.subarray(1)]), before];
    for (let byte = 0; byte < 256; byte++) changed.push(Buffer.concat([before, Buffer.of(byte), after]));
    for (const bytes of changed) if (!agree(bytes)) wrong.push(bytes.toString('latin1'));
    if (!agree(Buffer.concat([before, bytesOf('}')]))) wrong.push(`} at ${at}`);
  }
  t.deepEqual(wrong, []);
});

test('Both scans decide alike on every sequence of bytes that could be a character', (t) => {
  const wrong: string[] = [];
  const edges = [0x41, 0x7f, 0x80, 0xbf, 0xc0];
  const frames = ['', 'x'.repeat(15)].map((pad) => [bytesOf(`{"v":"${pad}`), bytesOf('"}')] as const);
  for (let lead = 0x80; lead < 256; lead++)
    for (const second of Array.from({ length: 256 }, (_, byte) => byte))
      for (const [third, fourth] of edges.flatMap((a) => edges.map((b) => [a, b] as const)))
        for (const [start, end] of frames.slice(second % 2))
          if (!agree(Buffer.concat([start, Buffer.of(lead, second, third, fourth), end])))
            wrong.push([lead, second, third, fourth].join(' '));
  t.deepEqual(wrong, []);
});

test('Both scans decide alike on every \\u escape, alone and before and after others', (t) => {
  const wrong: string[] = [];
  const escape = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;
  for (let unit = 0; unit < 0x10000; unit++) {
    for (const text of [escape(unit), `\\uD83D${escape(unit)}`, `${escape(unit).toUpperCase()}\\udc00`])
      if (!agree(bytesOf(`{"v":"${text}"}`))) wrong.push(text);
  }
  t.deepEqual(wrong, []);
});
