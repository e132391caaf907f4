import { Command } from 'commander';
import { OPTION, type StoreOptions } from '../options.js';
import { runCommand } from '../run-command.js';
import { storeUrl } from '../store-url.js';

const EXAMPLES = `
Makes the schema and the tables, where they are missing, for stores of any number of names. Nothing else makes any, apart
from \`migrate\`; so only who calls this needs to be allowed to.

Examples:
  $ blockferry create --store postgres://owner@db/chain
  $ blockferry create --store 'postgres://owner@db/chain?schema=nodes'`;

interface CreateOptions extends Required<Pick<StoreOptions, 'store'>> {
  readonly json?: boolean;
}

/** `blockferry create`. */
export function command(): Command {
  return new Command('create')
    .addOption(OPTION.store().makeOptionMandatory())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: CreateOptions) =>
      runCommand(options, async ({ conclude }) => {
        const { createPostgresStore } = await import('../../../plugins/storage-postgres/index.js');
        const { url, schema = 'blockferry' } = storeUrl(options.store);
        await createPostgresStore({ url, schema });
        conclude({ schema }, `The tables are there, in the schema ${schema}.`);
      }),
    );
}
