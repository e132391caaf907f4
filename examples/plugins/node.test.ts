// node --test node.test.js
import { after, describe, test } from 'node:test';
import { clean, suites } from './suites.js';

after(clean);

for (const { name, cases } of suites)
  void describe(name, () => {
    for (const { id, title, run } of cases) void test(`${id} ${title}`, () => run());
  });
