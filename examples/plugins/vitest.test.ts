// vitest run vitest.test.js
import { afterAll, describe, test } from 'vitest';
import { clean, suites } from './suites.js';

afterAll(clean);

for (const { name, cases } of suites)
  describe(name, () => {
    // A case ends by itself when it takes too long, and says which it is: the runner's own limit lies above that.
    for (const { id, title, run } of cases) test(`${id} ${title}`, { timeout: 200_000 }, () => run());
  });
