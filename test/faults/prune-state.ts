import type { StateTransition } from '../../src/index.js';

/** A state of how many blocks there were, and of the last of each hundred: it tells of pruned blocks too. */
export const countBlocks: StateTransition = {
  async apply({ height }, { accounts, contracts }) {
    accounts.put('blocks', Number((await accounts.get('blocks')) ?? 0) + 1);
    contracts.put(`last ${height % 100}`, height);
  },
};
