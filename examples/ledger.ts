import type { MutableStateTable, StateTransition } from 'blockferry';

/** What a block can ask for, in its member `transactions`. */
export type Transaction =
  | { readonly type: 'register'; readonly record: string; readonly owner: string }
  | { readonly type: 'grant' | 'revoke'; readonly record: string; readonly to: string };

/** An owner, in `accounts` under the owner's name: how many records there are, and how many grants of them. */
export interface Owner {
  readonly records: number;
  readonly grants: number;
}

/** A record, in `contracts` under its name: whose it is, and who else may read it, in the order of the grants. */
export interface Contract {
  readonly owner: string;
  readonly grants: readonly string[];
}

/** A ledger of record owners and grants. */
export const ledger: StateTransition = {
  async apply(block, { accounts, contracts }) {
    for (const transaction of transactionsOf(block.json())) {
      const contract = (await contracts.get(transaction.record)) as Contract | null;
      // A transaction that makes no sense is left out, on every node alike: throwing here would stop them all.
      const next = nextContract(contract, transaction);
      if (next === null) continue;
      contracts.put(transaction.record, next);
      await count(accounts, next.owner, {
        records: contract === null ? 1 : 0,
        grants: next.grants.length - (contract?.grants.length ?? 0),
      });
    }
  },
};

export default ledger;

/** What a transaction makes of a record; `null` when it changes nothing. */
function nextContract(contract: Contract | null, transaction: Transaction): Contract | null {
  if (transaction.type === 'register') {
    return contract === null ? { owner: transaction.owner, grants: [] } : null;
  }
  if (contract === null) return null;
  const { owner, grants } = contract;
  const { type, to } = transaction;
  if (grants.includes(to) === (type === 'grant')) return null;
  return { owner, grants: type === 'grant' ? [...grants, to] : grants.filter((name) => name !== to) };
}

async function count(accounts: MutableStateTable, owner: string, more: Owner): Promise<void> {
  const { records, grants } = ((await accounts.get(owner)) as Owner | null) ?? { records: 0, grants: 0 };
  accounts.put(owner, { records: records + more.records, grants: grants + more.grants });
}

/** The transactions of a document. Its hash is right, which says nothing about what it holds. */
function transactionsOf(document: unknown): readonly Transaction[] {
  const { transactions } = document as { transactions?: unknown };
  return Array.isArray(transactions) ? transactions.filter(isTransaction) : [];
}

function isTransaction(value: unknown): value is Transaction {
  const { type, record, owner, to } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!isName(record)) return false;
  return type === 'register' ? isName(owner) : (type === 'grant' || type === 'revoke') && isName(to);
}

/** Names are keys of the state, which have bounds of their own. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\w./:-]{1,200}$/.test(value);
}
