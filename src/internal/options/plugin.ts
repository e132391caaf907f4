import { type Plugin, PLUGIN_API_VERSION } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { suggestion } from './near.js';
import { isObject } from './object.js';
import { type Reader, refusal, unfit, type Where } from './reader.js';
import { shown } from './shown.js';

type Kind = Plugin['kind'];
type PluginOf<K extends Kind> = Extract<Plugin, { readonly kind: K }>;

/** A plugin of one of these kinds. It is passed on as it is. */
export function pluginOf<K extends Kind>(...kinds: readonly K[]): Reader<PluginOf<K>> {
  const expects = `a ${kinds.join(' or ')} plugin`;
  return {
    expects,
    read(value, where) {
      if (!isPlugin(value)) throw unfit(where, expects, value);
      if (!(kinds as readonly Kind[]).includes(value.kind)) {
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

/**
 * Refuses two plugins of one kind and name.
 *
 * @throws SyncError `PLUGIN_INCOMPATIBLE`
 */
export function checkDistinctPlugins(plugins: readonly Plugin[], { owner }: Pick<Where, 'owner'>): void {
  const labels = plugins.map(({ kind, name }) => `${kind} plugin ${name}`);
  const second = labels.find((label, index) => labels.indexOf(label) !== index);
  if (second === undefined) return;
  throw new SyncError('PLUGIN_INCOMPATIBLE', `${owner}: there are two plugins of one name: ${second}.`);
}

/** The error of a name that no plugin has, for `throw`. */
export function unknownPlugin(where: Where, kind: Kind, name: string, known: readonly string[]): SyncError {
  const hint = suggestion(name, known, (text) => text);
  const message = `${where.owner}: \`${where.path}\` names the ${kind} plugin ${shown(name)}, which is neither built in nor passed; ${hint}`;
  return new SyncError('PLUGIN_UNKNOWN', message);
}
