// Builds a snapshot and is killed, or stops, at a step that is named; prints each step before it.
import { writeSync } from 'node:fs';
import { openArchive } from '../../plugins/transport-snapshot/server/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { LedgerSource, nodeSigner, testWorkers } from './snapshot-server-support.js';

const [directory = '', step = ''] = process.argv.slice(2);
const source = await LedgerSource.of(sealedChain(50));
const signer = nodeSigner();
const inner = testWorkers();
let packed = 0;
let signed = 0;

async function at(name: string): Promise<void> {
  writeSync(1, `${name}\n`);
  if (step === `${name} hold`) await new Promise((resolve) => setTimeout(resolve, 60_000));
  if (step === name) process.kill(process.pid, 'SIGKILL');
}

const archive = await openArchive(directory);
await archive.build({
  source: {
    chain: source.chain,
    chainId: () => source.chainId(),
    view: () => source.view(),
    header: async (height) => {
      await at('check');
      return source.header(height);
    },
  },
  workers: {
    ...inner,
    pack: async (task, options) => {
      packed += 1;
      if (packed === 3) await at('pack');
      return inner.pack(task, options);
    },
  },
  signer: {
    ...signer,
    sign: async (message) => {
      signed += 1;
      await at(`sign${signed}`);
      return signer.sign(message);
    },
  },
  type: 'full',
  codec: 'gzip',
  maxPartBytes: 3_000,
});
await at('done');
