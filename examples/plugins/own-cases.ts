// What no suite can ask for, since it is this store's own: its lock, and what damage to its files does.
import assert from 'node:assert/strict';
import { appendFile, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Chain, isSyncError, openChain } from 'blockferry';
import type { ChainRulesFixture, ComplianceCase } from 'blockferry/testing';
import { summed } from '../plugin-codec.js';
import { fileStorage } from './file-store/index.js';
import { type LedgerOptions, ledgerRules } from './ledger-rules.js';

/** Cases with a node that has all three plugins. */
export function ownCases(
  root: string,
  { documents, orderers }: ChainRulesFixture & LedgerOptions,
): readonly ComplianceCase[] {
  const node = (name: string): Promise<Chain> =>
    openChain({
      storage: fileStorage(join(root, name)),
      chain: ledgerRules({ orderers }),
      plugins: [summed()],
      storeCodec: 'summed',
    });
  const filled = async (name: string): Promise<string> => {
    const chain = await node(name);
    for (const document of documents) await chain.append([document]);
    await chain.close();
    return join(root, name, 'journal-1');
  };
  const refused = async (name: string, code: string): Promise<void> => {
    await assert.rejects(node(name), (error) => isSyncError(error) && error.code === code);
  };
  return [
    {
      id: 'OWN-1',
      title: 'A node keeps blocks by these rules, in this codec and this store, and has them after a restart',
      run: async () => {
        await filled('node');
        const chain = await node('node');
        assert.equal(chain.tip().head?.height, documents.length - 1);
        assert.equal(chain.storedAs(), 'summed');
        for (const [height, document] of documents.entries())
          assert.ok(Buffer.from(document).equals((await chain.get(height))?.bytes ?? new Uint8Array()));
        await chain.close();
      },
    },
    {
      id: 'OWN-2',
      title: 'A second opening of one directory is STORE_LOCKED, and one after the first was closed is not',
      run: async () => {
        const first = await node('locked');
        await refused('locked', 'STORE_LOCKED');
        await first.close();
        await (await node('locked')).close();
      },
    },
    {
      id: 'OWN-3',
      title: 'A record that a crash has torn was never acknowledged: it is cut off',
      run: async () => {
        const journal = await filled('torn');
        const { size } = await stat(journal);
        const file = await open(journal, 'r+');
        await file.truncate(size - 5);
        await file.close();
        const chain = await node('torn');
        assert.equal(chain.tip().head?.height, documents.length - 2);
        await chain.append(documents.slice(-1));
        await chain.close();
        await appendFile(journal, Buffer.alloc(40));
        await (await node('torn')).close();
        assert.equal((await stat(journal)).size, size);
      },
    },
    {
      id: 'OWN-4',
      title: 'Damage in the middle of the journal is STORE_DAMAGED, and never a shorter chain',
      run: async () => {
        const journal = await filled('damaged');
        const file = await open(journal, 'r+');
        await file.write(Buffer.from('XXXX'), 0, 4, 30);
        await file.close();
        await refused('damaged', 'STORE_DAMAGED');
      },
    },
  ];
}
