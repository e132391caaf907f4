import type { ChainRulesPlugin, CodecPlugin, Plugin } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import {
  checkDistinct,
  checkDistinctPlugins,
  inside,
  type Reader,
  refusal,
  unfit,
  unknownPlugin,
  type Where,
} from '../internal/options/index.js';
import { CODEC_NAMES } from '../internal/codecs.js';
import { CHAIN_FORMS, missingFor } from './builtin.js';

/** How built-in rules are named in a message. */
const BUILTIN_CHAINS = Object.keys(CHAIN_FORMS).map((name) =>
  name === 'linked' ? 'linked:HEIGHT,HASH,PARENT' : name,
);

/** What a configuration says of plugins, member by member. */
export interface NamedPlugins {
  readonly chain: string | ChainRulesPlugin | null;
  readonly codecs: readonly (string | CodecPlugin)[];
  readonly storeCodec: string;
  readonly plugins: readonly Plugin[];
}

/**
 * The plugins that a configuration passes, wherever it passes them.
 *
 * @throws SyncError `PLUGIN_INCOMPATIBLE` for two of one name.
 */
export function passedPlugins(
  { plugins, chain, codecs }: Pick<NamedPlugins, 'plugins' | 'chain' | 'codecs'>,
  owner: string,
): readonly Plugin[] {
  const own = chain === null || typeof chain === 'string' ? [] : [chain];
  const passed = [...plugins, ...own, ...codecs.filter((codec) => typeof codec !== 'string')];
  checkDistinctPlugins(passed, { owner });
  return passed;
}

/**
 * The name of the rules that are asked for; `null` when none are.
 *
 * @throws SyncError `PLUGIN_UNKNOWN` @throws TypeError
 */
export function chainName(
  chain: NamedPlugins['chain'],
  passed: readonly Plugin[],
  owner: string,
): string | null {
  if (chain === null || typeof chain === 'object') return chain?.name ?? null;
  const own = passed.filter(({ kind }) => kind === 'chain').map(({ name }) => name);
  if (own.includes(chain) || Object.values(CHAIN_FORMS).some((form) => form.test(chain))) return chain;
  const where = { owner, path: 'chain' };
  const expects =
    'must be `linked:HEIGHT,HASH,PARENT` with three different names or paths of members, and for times `,TIME,UNIT`';
  if (chain.split(':', 1)[0] === 'linked') throw refusal(where, `${expects}, not ${JSON.stringify(chain)}.`);
  throw unknownPlugin(where, 'chain', chain, [...own, ...BUILTIN_CHAINS]);
}

/** Reads options of built-in rules: any object. What is in it is for the rules to read, which are loaded later. */
export const chainOptions: Reader<object> = {
  expects: 'an object with options of the rules',
  read(value, where) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw unfit(where, 'an object with options of the rules', value);
    return deepFrozen(structuredClone(value));
  },
};

/** Options are those of one kind of rules: a peer's word, or a store's, does not say which. @throws TypeError */
export function checkChainOptions(
  options: object | null,
  chain: string | null,
  passed: readonly Plugin[],
  where: Where,
): void {
  if (options === null) return;
  if (chain === null) throw refusal(where, 'needs `chain`, which says whose options they are.');
  if (passed.some(({ kind, name }) => kind === 'chain' && name === chain))
    throw refusal(where, 'is for built-in rules; a plugin has its options already.');
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) deepFrozen(inner);
  return Object.freeze(value);
}

/** Names of codecs to take blocks in, best first. @throws TypeError for one that stands there twice. */
export function codecNames(codecs: NamedPlugins['codecs'], owner: string): readonly string[] {
  const names = codecs.map((codec) => (typeof codec === 'string' ? codec : codec.name));
  checkDistinct(names, { owner, path: 'codecs' });
  return Object.freeze(names);
}

/**
 * Makes the codecs that are asked for and were passed, so that one that can't work here is told now.
 *
 * @returns the plugins, with those codecs made.
 * @throws SyncError `PLUGIN_UNKNOWN`, `CODEC_UNAVAILABLE`
 */
export function withCodecs(asked: NamedPlugins, passed: readonly Plugin[], owner: string): readonly Plugin[] {
  const own = passed.filter((plugin) => plugin.kind === 'codec').map(({ name }) => name);
  const names = codecNames(asked.codecs, owner);
  for (const [index, name] of names.entries())
    if (!own.includes(name)) checkBuiltinCodec(name, inside({ owner, path: 'codecs' }, `[${index}]`), own);
  if (!own.includes(asked.storeCodec))
    checkBuiltinCodec(asked.storeCodec, { owner, path: 'storeCodec' }, own);
  const needed = [...names, asked.storeCodec];
  return Object.freeze(
    passed.map((plugin) =>
      plugin.kind === 'codec' && needed.includes(plugin.name) ? withCodec(plugin) : plugin,
    ),
  );
}

function checkBuiltinCodec(name: string, where: Where, own: readonly string[]): void {
  if (!(CODEC_NAMES as readonly string[]).includes(name))
    throw unknownPlugin(where, 'codec', name, [...own, ...CODEC_NAMES]);
  const missing = missingFor(name);
  if (missing === null) return;
  const message = `${where.owner}: the codec ${name} in \`${where.path}\` needs ${missing}.`;
  throw new SyncError('CODEC_UNAVAILABLE', message);
}

function withCodec(plugin: CodecPlugin): CodecPlugin {
  const codec = plugin.create();
  const { kind, name, apiVersion, worker } = plugin;
  return { kind, name, apiVersion, create: () => codec, ...(worker === undefined ? {} : { worker }) };
}
