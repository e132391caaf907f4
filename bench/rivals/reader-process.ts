// Many light readers: each reads a whole stream, counts the blocks in it and does nothing else. They share one buffer,
// and ask with HTTP/1.0 so that no chunk heads stand between the bytes: what is measured is the server.
import { connect } from 'node:net';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';

interface Settings {
  readonly url: string;
  readonly path: string;
  readonly clients: number;
}

const { url, path, clients } = settings() as Settings;
const { hostname, port, host } = new URL(url);
const BLOCK = Buffer.from('\nevent: block\n');
/** As far as `complete` has to be read to be known; no longer than the other, so that the bytes kept do for both. */
const COMPLETE = Buffer.from('\nevent: compl');
const READ_BYTES = 1024 * 1024;
/** One byte less than what is counted: nothing is found twice. */
const KEPT = BLOCK.length - 1;
/** With room for the end of the last read before the bytes of this one. */
const shared = Buffer.allocUnsafeSlow(KEPT + READ_BYTES);

async function read(): Promise<number> {
  const seen = { blocks: 0, complete: false };
  let tail: Buffer = Buffer.alloc(0);
  const callback = (length: number): boolean => {
    const start = KEPT - tail.length;
    tail.copy(shared, start);
    const bytes = shared.subarray(start, KEPT + length);
    seen.blocks += count(bytes);
    seen.complete ||= bytes.includes(COMPLETE);
    tail = Buffer.from(bytes.subarray(Math.max(0, bytes.length - KEPT)));
    return true;
  };
  await new Promise((resolve, reject) => {
    const onread = { buffer: shared.subarray(KEPT), callback };
    const socket = connect({ host: hostname, port: Number(port), onread });
    socket.once('error', reject);
    socket.once('close', resolve);
    socket.write(`GET ${path} HTTP/1.0\r\nhost: ${host}\r\n\r\n`);
  });
  if (!seen.complete) throw new Error(`A stream ended after ${seen.blocks} blocks without \`complete\`.`);
  return seen.blocks;
}

function count(bytes: Buffer): number {
  let found = 0;
  for (let at = bytes.indexOf(BLOCK); at >= 0; at = bytes.indexOf(BLOCK, at + BLOCK.length)) found += 1;
  return found;
}

const stop = startMeter();
const each = await Promise.all(Array.from({ length: clients }, read));
const measured = stop();
if (new Set(each).size !== 1) throw new Error(`Readers had ${each.join(', ')} blocks.`);
await tell({ ...measured, blocks: each[0] ?? 0 });
process.disconnect();
