import { malformed, MAX_DEPTH, scanObject } from '../../src/internal/json/index.js';

/** Members of an answer that are different an hour later. */
const DROPPED: readonly string[] = ['confirmations', 'nextblockhash'];

/**
 * Makes a block of what `getblock` or `getblockheader` answers, with or without the envelope of JSON-RPC: without the members
 * that are different an hour later, `confirmations` and `nextblockhash`. All others stay as they are spelled.
 *
 * @throws SyncError `BLOCK_MALFORMED` for an answer that is none.
 */
export function bitcoinDocument(answer: Uint8Array): Uint8Array {
  const bytes = Buffer.from(answer)
    .toString('utf8')
    .replace(/[\r\n]/g, ' ');
  const line = Buffer.from(bytes);
  const whole = scanObject(line, { start: 0, end: line.length }, { maxDepth: MAX_DEPTH });
  const result = whole.members.get('result');
  const block = result === undefined ? whole : scanObject(line, result, { maxDepth: MAX_DEPTH });
  const [again] = block.duplicates.values();
  if (again !== undefined) throw malformed(again, 'a second member of the same name');
  const members = [...block.members].filter(([name]) => !DROPPED.includes(name));
  const texts = members.map(
    ([name, { start, end }]) => `${JSON.stringify(name)}:${line.toString('utf8', start, end)}`,
  );
  return Buffer.from(`{${texts.join()}}`);
}
