import test from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';

test('The cases of the compliance suite have unique ids and titles', (t) => {
  const cases = chainRulesCompliance({ rules: sealedJson().create(), documents: [] });
  t.is(cases.length, 18);
  t.is(new Set(cases.map(({ id }) => id)).size, cases.length);
  t.is(new Set(cases.map(({ title }) => title)).size, cases.length);
  for (const { id } of cases) t.regex(id, /^CR-[0-9]{2}$/);
});
