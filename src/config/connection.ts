import {
  type ConnectionSettings,
  PLAIN,
  type ProxySettings,
  type TlsSettings,
} from '../http1-client/options.js';
import { nodeTls } from '../http1-client/tls.js';
import {
  inside,
  nullable,
  object,
  optional,
  type Reader,
  refusal,
  text,
  unfit,
  type ValuesOf,
  type Where,
  withDefault,
} from '../internal/options/index.js';
import type { TlsConfig } from './types.js';

const TLS = {
  ca: optional(pems()),
  cert: optional(pem()),
  key: optional(pem()),
  servername: optional(text('the name of a host')),
} satisfies Record<keyof TlsConfig, Reader<unknown>>;

/** Readers of the options that say how connections to peers are made. */
export const CONNECTION_OPTIONS = {
  tls: optional(object(TLS)),
  proxy: withDefault<string | null | undefined>(nullable(proxyAddress()), undefined),
};

/** Variables of the environment, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How the engine's own client makes its connections.
 *
 * @throws TypeError for certificates and keys that Node does not take, and for a proxy of the environment that is none
 */
export function connectionPlan(
  { tls, proxy }: ValuesOf<typeof CONNECTION_OPTIONS>,
  environment: Environment,
  owner: string,
): ConnectionSettings {
  const settings = tls === null ? PLAIN.tls : tlsSettings(tls, { owner, path: 'tls' });
  if (proxy === null) return Object.freeze({ tls: settings, proxy: null });
  return Object.freeze({
    tls: settings,
    proxy: proxy === undefined ? environmentProxy(environment, owner) : everywhere(proxy),
  });
}

function everywhere(address: string): ProxySettings {
  return Object.freeze({
    http: address,
    https: address,
    noProxy: '',
    loopback: true,
    saidBy: 'the option `proxy`',
  });
}

/** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; in lower case they win, as everywhere. */
function environmentProxy(environment: Environment, owner: string): ProxySettings | null {
  const named = (name: string): string | null => {
    const used = environment[name.toLowerCase()] === undefined ? name : name.toLowerCase();
    const value = environment[used]?.trim() ?? '';
    if (value === '') return null;
    const spelled = value.includes('://') ? value : `http://${value}`;
    return proxyAddress().read(spelled, { owner, path: `${used} of the environment` });
  };
  const [http, https] = [named('HTTP_PROXY'), named('HTTPS_PROXY')];
  if (http === null && https === null) return null;
  const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
  const names = [https === null ? [] : ['HTTPS_PROXY'], http === null ? [] : ['HTTP_PROXY']].flat();
  const saidBy = `${names.join(' and ')} of the environment`;
  // Whoever sets them for all programs has the way out in mind.
  return Object.freeze({ http, https, noProxy, loopback: false, saidBy });
}

function proxyAddress(): Reader<string> {
  const expects = 'an http or https URL';
  return {
    expects,
    read(value, where) {
      if (typeof value !== 'string' || !URL.canParse(value)) throw refusal(where, `must be ${expects}.`);
      const { protocol, pathname, search } = new URL(value);
      // The value may have a password in it.
      if (!['http:', 'https:'].includes(protocol))
        throw refusal(where, `must be ${expects}, not one with ${protocol}`);
      if (pathname !== '/' || search !== '') throw refusal(where, 'must have no path and no query.');
      return value;
    },
  };
}

type Pem = string | Uint8Array;

/** No message has the value in it. */
function pem(): Reader<Pem> {
  const expects = 'the PEM of it, as a text or bytes';
  return {
    expects,
    read(value, where) {
      if ((typeof value === 'string' && value !== '') || value instanceof Uint8Array) return value;
      throw typeof value === 'string' ? refusal(where, 'must not be empty.') : unfit(where, expects, value);
    },
  };
}

function pems(): Reader<Pem | readonly Pem[]> {
  const one = pem();
  return {
    expects: `${one.expects}, or an array of such`,
    read(value, where) {
      if (!Array.isArray(value)) return one.read(value, where);
      if (value.length === 0) throw refusal(where, 'must not be empty.');
      return Object.freeze(value.map((item, index) => one.read(item, inside(where, `[${index}]`))));
    },
  };
}

/** Made here once, so that Node's word on it comes with the call, and not with the first connection. */
function tlsSettings({ ca, cert, key, servername }: ValuesOf<typeof TLS>, where: Where): TlsSettings {
  if ((cert === null) !== (key === null))
    throw refusal(
      inside(where, cert === null ? '.cert' : '.key'),
      'is missing: `tls.cert` and `tls.key` go together.',
    );
  const given = Object.entries({ ca, cert, key, servername }).filter(([, value]) => value !== null);
  const settings = Object.fromEntries(given) as TlsSettings;
  try {
    // What is no PEM of a certificate, Node would pass over without a word.
    const { X509Certificate } = process.getBuiltinModule('node:crypto');
    for (const authority of [ca ?? []].flat()) new X509Certificate(authority);
    process.getBuiltinModule('node:tls').createSecureContext(nodeTls(settings));
  } catch (error) {
    throw refusal(where, `is not what Node takes: ${String(error)}.`);
  }
  return Object.freeze(settings);
}
