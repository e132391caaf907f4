import type { ChainRules, Codec, SignatureScheme } from '../../contracts/index.js';
import { BUILTIN, builtinCodec, builtinRules } from '../../di/builtin.js';
import { isAvailable } from '../../di/available.js';
import { CODEC_NAMES } from '../../internal/codecs.js';
import { must } from './unmet.js';

/** What answers are looked at with. */
export interface Tools {
  /** By name, those that this runtime has. */
  readonly codecs: ReadonlyMap<string, Codec>;
  /** Of the chain; `null` for rules that are not here. */
  readonly rules: ChainRules | null;
  readonly signatures: SignatureScheme;
}

/** What a server with these chain rules is looked at with. */
export async function toolsFor(chain: string | null): Promise<Tools> {
  const plugins = await Promise.all(CODEC_NAMES.map((name) => builtinCodec(name)));
  const here = plugins.filter(isAvailable);
  const codecs = new Map(here.map((plugin) => [plugin.name, plugin.create()]));
  return {
    codecs,
    rules: chain === null ? null : await rulesOf(chain),
    signatures: (await BUILTIN.signature.secp256k1()).create(),
  };
}

async function rulesOf(chain: string): Promise<ChainRules | null> {
  try {
    return (await builtinRules(chain)?.load(chain, null))?.create() ?? null;
  } catch {
    // Rules that need options of their own, which nobody has given.
    return null;
  }
}

/** @throws Unmet for what does not decode */
export function decode(tools: Tools, codec: string, bytes: Uint8Array, maxOutputBytes: number): Uint8Array {
  const decoder = tools.codecs.get(codec);
  must(decoder !== undefined, `there is no codec ${codec} here`);
  try {
    return decoder.decode(bytes, { maxOutputBytes });
  } catch (error) {
    must(false, `it does not decode as ${codec}: ${error instanceof Error ? error.message : ''}`);
  }
}
