import { type Plugin, PLUGIN_API_VERSION } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { isObject } from './object.js';
import { type Reader, refusal, unfit, type Where } from './reader.js';

type Kind = Plugin['kind'];
type PluginOf<K extends Kind> = Extract<Plugin, { readonly kind: K }>;

/** A plugin of one of these kinds, or of any. It is passed on as it is. */
export function pluginOf<K extends Kind = Kind>(...kinds: readonly K[]): Reader<PluginOf<K>> {
  const expects = kinds.length === 0 ? 'a plugin' : `a ${kinds.join(' or ')} plugin`;
  return {
    expects,
    read(value, where) {
      if (!isPlugin(value)) throw unfit(where, expects, value);
      if (kinds.length > 0 && !(kinds as readonly Kind[]).includes(value.kind)) {
        throw refusal(where, `must be ${expects}, not the ${value.kind} plugin ${value.name}.`);
      }
      checkVersion(value, where);
      return value as PluginOf<K>;
    },
  };
}

function isPlugin(value: unknown): value is Plugin {
  if (!isObject(value)) return false;
  return (
    typeof value['kind'] === 'string' &&
    typeof value['name'] === 'string' &&
    typeof value['create'] === 'function'
  );
}

function checkVersion({ kind, name, apiVersion }: Plugin, { owner, path }: Where): void {
  if ((apiVersion as number) === PLUGIN_API_VERSION) return;
  const message = `${owner}: the ${kind} plugin ${name} in \`${path}\` was made for contracts ${String(apiVersion)}, not ${PLUGIN_API_VERSION}.`;
  throw new SyncError('PLUGIN_INCOMPATIBLE', message);
}
