import type { StateTransition } from '../../contracts/index.js';

/** What a block of the demonstration asks for. */
export type DemoTransaction =
  | { readonly type: 'register'; readonly record: string; readonly owner: string }
  | { readonly type: 'grant' | 'revoke'; readonly record: string; readonly to: string };

interface Contract {
  readonly owner: string;
  readonly grants: readonly string[];
}

const CLINICS = ['north', 'south', 'east', 'west', 'hill', 'lake', 'port', 'park'];

const clinic = (number: number): string => `clinic-${CLINICS[number % CLINICS.length] ?? ''}`;
const recordOf = (height: number): string => `record/${height}`;
const granteeOf = (height: number): string => clinic(3 * height + 1);

/** Each block registers its record; the record before is granted to a clinic, and some grants are taken back. */
export function demoTransactions(height: number): readonly DemoTransaction[] {
  const transactions: DemoTransaction[] = [
    { type: 'register', record: recordOf(height), owner: clinic(height) },
  ];
  if (height >= 1) transactions.push(grant('grant', height - 1));
  if (height >= 5 && height % 5 === 0) transactions.push(grant('revoke', height - 5));
  return transactions;
}

function grant(type: 'grant' | 'revoke', height: number): DemoTransaction {
  return { type, record: recordOf(height), to: granteeOf(height) };
}

/** Counts the records of each owner and keeps who may read them. The blocks are its own: it does not check them. */
const ledger: StateTransition = {
  async apply(block, { accounts, contracts }) {
    const { transactions } = block.json() as { readonly transactions: readonly DemoTransaction[] };
    for (const transaction of transactions) {
      const { record } = transaction;
      if (transaction.type === 'register') {
        const { owner } = transaction;
        contracts.put(record, { owner, grants: [] });
        const { records } = ((await accounts.get(owner)) ?? { records: 0 }) as { readonly records: number };
        accounts.put(owner, { records: records + 1 });
      } else {
        const { owner, grants } = (await contracts.get(record)) as Contract;
        const others = grants.filter((name) => name !== transaction.to);
        contracts.put(record, {
          owner,
          grants: transaction.type === 'grant' ? [...others, transaction.to] : others,
        });
      }
    }
  },
};

export default ledger;
