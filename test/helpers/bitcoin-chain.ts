import { createHash } from 'node:crypto';

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
const twice = (...pieces: readonly Uint8Array[]): Buffer => sha256(sha256(Buffer.concat(pieces)));
const shown = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString('hex');
/** Every other hash will do. */
const EASIEST = '207fffff';

/** A chain by the rules of Bitcoin, with a coinbase and one more transaction in each block. */
export function minedChain(count: number): readonly Uint8Array[] {
  const documents: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array(32);
  for (let height = 0; height < count; height++) {
    const transactions = [transaction(height, true), transaction(height, false)];
    const merkleRoot = twice(...transactions.map((one) => twice(one)));
    const header = mined(previous, merkleRoot, 1_700_000_000 + height * 600);
    const hash = twice(header);
    documents.push(
      Buffer.from(
        JSON.stringify({
          hash: shown(hash),
          height,
          version: 4,
          versionHex: '00000004',
          merkleroot: shown(merkleRoot),
          time: header.readUInt32LE(68),
          nonce: header.readUInt32LE(76),
          bits: EASIEST,
          nTx: 2,
          ...(height === 0 ? {} : { previousblockhash: shown(previous) }),
          tx: transactions.map((one) => ({ txid: shown(twice(one)), hex: one.toString('hex') })),
        }),
      ),
    );
    previous = hash;
  }
  return documents;
}

/** Without witnesses: its id is the hash of all of it. */
function transaction(height: number, isCoinbase: boolean): Buffer {
  const script = Buffer.concat([Uint8Array.of(4), Buffer.from([height & 255, height >> 8, 0, 0])]);
  const outPoint = isCoinbase
    ? Buffer.concat([Buffer.alloc(32), Buffer.alloc(4, 0xff)])
    : Buffer.concat([sha256(Buffer.from(`${height}`)), Buffer.alloc(4)]);
  const input = Buffer.concat([outPoint, Uint8Array.of(script.length), script, Buffer.alloc(4, 0xff)]);
  const output = Buffer.concat([Buffer.alloc(8, 1), Uint8Array.of(1, 0x51)]);
  const version = Uint8Array.of(1, 0, 0, 0);
  return Buffer.concat([version, Uint8Array.of(1), input, Uint8Array.of(1), output, Buffer.alloc(4)]);
}

function mined(previous: Uint8Array, merkleRoot: Uint8Array, time: number): Buffer {
  const header = Buffer.alloc(80);
  header.writeUInt32LE(4, 0);
  header.set(previous, 4);
  header.set(merkleRoot, 36);
  header.writeUInt32LE(time, 68);
  header.writeUInt32LE(Number(`0x${EASIEST}`), 72);
  for (let nonce = 0; ; nonce++) {
    header.writeUInt32LE(nonce, 76);
    if (shown(twice(header)) <= `7fffff${'0'.repeat(58)}`) return header;
  }
}
