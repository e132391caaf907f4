import type { Chain, StateTable, StateTransition } from '../../src/index.js';
import { sealedChain } from './sealed-chain.js';

/** What a block of these tests does to the state. */
export type Op =
  | { readonly op: 'put'; readonly table: StateTable; readonly key: string; readonly value: unknown }
  | { readonly op: 'raw'; readonly table: StateTable; readonly key: string; readonly json: string }
  | { readonly op: 'delete'; readonly table: StateTable; readonly key: string }
  /** Puts a list that grows with each application: one too many or too few shows. */
  | { readonly op: 'append'; readonly table: StateTable; readonly key: string }
  /** Copies a value, byte for byte, to the same key of the other table. */
  | { readonly op: 'copy'; readonly table: StateTable; readonly key: string };

const other = (table: StateTable): StateTable => (table === 'accounts' ? 'contracts' : 'accounts');
const decoder = new TextDecoder();

/** Does what the blocks say, through the public interface. */
export const opsTransition: StateTransition = {
  async apply(block, state) {
    for (const op of (block.json() as { readonly ops: readonly Op[] }).ops) {
      const table = state[op.table];
      if (op.op === 'put') table.put(op.key, op.value);
      else if (op.op === 'raw') table.putBytes(op.key, Buffer.from(op.json));
      else if (op.op === 'delete') table.delete(op.key);
      else if (op.op === 'append') {
        const list = await table.get(op.key);
        table.put(op.key, [...(Array.isArray(list) ? (list as unknown[]).slice(-20) : []), block.height]);
      } else {
        const bytes = await table.getBytes(op.key);
        if (bytes === null) state[other(op.table)].delete(op.key);
        else state[other(op.table)].putBytes(op.key, bytes);
      }
    }
  },
};

/** Lines of a state: table, key and value as it is stored. */
export type StateLines = readonly string[];

/** The state after some blocks, computed without the package's help. */
export function replay(blocks: readonly (readonly Op[])[]): StateLines {
  const state = { accounts: new Map<string, string>(), contracts: new Map<string, string>() };
  for (const [height, ops] of blocks.entries()) {
    for (const op of ops) {
      const table = state[op.table];
      const before = table.get(op.key);
      if (op.op === 'put') table.set(op.key, JSON.stringify(op.value));
      else if (op.op === 'raw') table.set(op.key, op.json);
      else if (op.op === 'delete') table.delete(op.key);
      else if (op.op === 'append') {
        const list: unknown = before === undefined ? null : JSON.parse(before);
        table.set(
          op.key,
          JSON.stringify([...(Array.isArray(list) ? (list as unknown[]).slice(-20) : []), height]),
        );
      } else if (before === undefined) state[other(op.table)].delete(op.key);
      else state[other(op.table)].set(op.key, before);
    }
  }
  return (['accounts', 'contracts'] as const).flatMap((table) =>
    [...state[table]]
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([key, value]) => `${table} ${key} ${value}`),
  );
}

/** The state that a chain has. */
export async function linesOf(chain: Chain): Promise<StateLines> {
  const view = await chain.view();
  const lines: string[] = [];
  for (const table of ['accounts', 'contracts'] as const) {
    for await (const entries of view.entries(table)) {
      for (const { key, value } of entries) lines.push(`${table} ${key} ${decoder.decode(value)}`);
    }
  }
  await view.close();
  return lines;
}

/** A sealed chain of blocks that ask for changes of the state. */
export function opsChain(blocks: readonly (readonly Op[])[]): Uint8Array[] {
  return sealedChain(blocks.length, (height) => ({ ops: blocks[height] }));
}

/** Blocks of made-up operations, the same for the same number. */
export function someOps(count: number): readonly (readonly Op[])[] {
  const kinds = ['append', 'put', 'copy', 'append', 'delete', 'raw'] as const;
  return Array.from({ length: count }, (_, height) =>
    Array.from({ length: (height * 7) % 5 }, (_, at): Op => {
      const mixed = (height * 31 + at * 17) >>> 0;
      const op = kinds[mixed % kinds.length] ?? 'append';
      const place = { table: mixed % 3 === 0 ? 'contracts' : 'accounts', key: `k${mixed % 13}` } as const;
      if (op === 'put') return { op, ...place, value: { height, at } };
      if (op === 'raw') return { op, ...place, json: `[${height}.0]` };
      return { op, ...place };
    }),
  );
}
