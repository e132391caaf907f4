import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { seal, SEALED_JSON_GENESIS, sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { dataTest } from '../helpers/data-test.js';
import { run } from './in-process.js';

const FILE = 'data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz';

/** Seals records, and checks each block by the rules. */
function sealAll(records: readonly string[], wrap: string | null): readonly string[] {
  const rules = sealedJson().create();
  let previousHash = SEALED_JSON_GENESIS;
  return records.map((record, height) => {
    const { document, hash } = seal(Buffer.from(record), { height, previousHash }, { wrap });
    previousHash = rules.verify(document, { height, hash }).hash;
    return Buffer.from(document).toString();
  });
}

dataTest('All FHIR documents are sealed, by one process and wrapped, none refused', FILE, async (t, file) => {
  const records = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
  t.is(records.length, 683);
  const sealed = await run(['seal', file]);
  t.is(sealed.code, 0, sealed.stderr);
  t.regex(sealed.stderr, /Sealed 683 blocks from block 0 on/);
  const blocks = sealAll(records, null);
  t.true(Buffer.from(`${blocks.join('\n')}\n`).equals(sealed.stdout));
  // Each goes in byte for byte; those with a member "height" as a member of the block.
  const whole = records.filter((record, at) => blocks[at]?.endsWith(`,"record":${record}}`));
  t.is(whole.length, 3);
  for (const record of whole) t.regex(record, /"height":/);
  const others = records.filter((record, at) => blocks[at]?.endsWith(`,${record.slice(1)}`));
  t.is(others.length, 680);
  const wrapped = sealAll(records, 'resource');
  t.is(records.filter((record, at) => wrapped[at]?.endsWith(`,"resource":${record}}`)).length, 683);
});
