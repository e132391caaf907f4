import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { storageCompliance } from '../../src/testing/compliance/storage.js';
import { postgresFixture } from '../helpers/postgres-fixture.js';
import { setupName } from '../helpers/postgres-setup.js';
import { postgresTest } from '../helpers/postgres-test.js';

/** All of them, on each set-up: `npm run scenarios -- postgres-compliance`. */
const CASES = ['ST-10', 'ST-40', 'ST-70', 'ST-110', 'ST-111.1', 'ST-113', 'ST-115', 'ST-117.2', 'ST-118'];

const usual = setupName('pooler');
const postgres = postgresTest([], usual);

for (const each of storageCompliance(postgresFixture(postgres.server, usual)))
  if (CASES.includes(each.id))
    postgres.test(`With a standby that confirms, behind pgbouncer: ${each.id}: ${each.title}`, async (t) => {
      await t.notThrowsAsync(each.run());
    });

const PROGRAM = fileURLToPath(new URL('../helpers/postgres-large-process.js', import.meta.url));
const MIB = 1024 * 1024;
/** As the command sets them, and the documents say for others: else V8 collects late what was read. */
const SMALL = ['--max-semi-space-size=1', '--heap-growing-percent=50'];

postgres.test(
  'A block of 64 MiB is written, and read, in 200 MiB of memory, by a process with the heap that the command has',
  async (t) => {
    const { url } = postgres.server();
    for (const role of ['writer', 'reader']) {
      const child = fork(PROGRAM, [url, role, String(64 * MIB)], { execArgv: SMALL });
      t.teardown(() => child.kill('SIGKILL'));
      const [bytes] = (await once(child, 'message')) as [number];
      t.log(`${role}: ${(bytes / 1e6).toFixed(0)} MB`);
      t.true(bytes < 200 * MIB, `${role}: ${bytes} bytes`);
    }
  },
);
