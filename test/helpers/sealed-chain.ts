import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';

const encoder = new TextEncoder();

/** A deterministic `sealed-json` chain of `count` blocks from height 0. */
export function sealedChain(count: number, payload: (height: number) => object = smallPayload): Uint8Array[] {
  const documents: Uint8Array[] = [];
  let previousHash = SEALED_JSON_GENESIS;
  for (let height = 0; height < count; height++) {
    const { document, hash } = seal(encoder.encode(JSON.stringify(payload(height))), {
      height,
      previousHash,
    });
    documents.push(document);
    previousHash = hash;
  }
  return documents;
}

/** A payload of about 0.3 KB. */
export function smallPayload(height: number): object {
  const records = [
    { resourceType: 'Observation', id: `o-${height}`, value: height / 7, note: `Zoë ${height} ☤`.repeat(8) },
  ];
  return { timestamp: 1_700_000_000_000 + height * 1000, records };
}

/** NDJSON of documents. */
export function ndjson(documents: readonly Uint8Array[]): Buffer {
  const lf = Uint8Array.of(0x0a);
  return Buffer.concat(documents.flatMap((document) => [document, lf]));
}
