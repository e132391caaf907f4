import test from 'ava';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { StoredValidators } from '../../src/chain/stored-validators.js';
import type { Checkpoint } from '../../src/contracts/index.js';
import { pragueBlock } from '../plugins/ethereum-forks.js';

/** A store whose head is one block, under rules that read no validators. */
function stored(): {
  readonly validators: StoredValidators;
  readonly head: { height: number; hash: string };
  readonly reads: () => number;
} {
  const head = { height: Number(pragueBlock.number), hash: pragueBlock.hash };
  let reads = 0;
  const validators = new StoredValidators({
    rules: ethereum().create(),
    storage: {
      checkpoint: (): Checkpoint => ({ base: 0, head, confirmed: null, finalized: null, assumed: null }),
    },
    async *read() {
      reads += 1;
      yield await Promise.resolve([Buffer.from(JSON.stringify(pragueBlock))]);
    },
    maxRollbackBlocks: 0,
  });
  return { validators, head, reads: () => reads };
}

test('the block that was verified last is not read again to learn that it says nothing of validators', async (t) => {
  const { validators, head, reads } = stored();
  validators.note(head.hash, undefined);
  await validators.know(head);
  t.is(reads(), 0);
  t.is(validators.leftBy(head), undefined);
});

test('any other block of the store is read', async (t) => {
  const { validators, head, reads } = stored();
  await validators.know(head);
  t.true(reads() > 0);
  const before = reads();
  validators.note('another', undefined);
  await validators.know(head);
  t.true(reads() > before);
});

test('what older blocks have left is not said of a block that says nothing', async (t) => {
  const rules = ethereum().create();
  const checkpoint: Checkpoint = {
    base: 158,
    head: { height: 158, hash: pragueBlock.hash },
    confirmed: null,
    finalized: null,
    assumed: null,
  };
  const validators = new StoredValidators({
    rules: {
      ...{ id: rules.id, selfCertifying: true, genesisPreviousHash: null, verify: rules.verify.bind(rules) },
      describe: (document) => ({ ...rules.describe(document), validators: 'a' }),
    },
    storage: { checkpoint: () => checkpoint },
    async *read() {
      yield await Promise.resolve([Buffer.from(JSON.stringify(pragueBlock))]);
    },
    maxRollbackBlocks: 0,
  });
  await validators.load();
  t.is(validators.leftBy({ height: 158, hash: pragueBlock.hash }), 'a');
  validators.note('silent', undefined);
  t.is(validators.leftBy({ height: 159, hash: 'silent' }), undefined);
});
