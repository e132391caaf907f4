import type { TlsSettings } from './options.js';

/** The same settings in the types that Node has for them. */
export interface NodeTls {
  readonly ca?: string | Buffer | (string | Buffer)[];
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
}

/** Settings as Node takes them. */
export function nodeTls({ ca, cert, key, servername }: TlsSettings): NodeTls {
  return {
    ...(ca === undefined ? {} : { ca: isList(ca) ? ca.map(nodeBytes) : nodeBytes(ca) }),
    ...(cert === undefined ? {} : { cert: nodeBytes(cert) }),
    ...(key === undefined ? {} : { key: nodeBytes(key) }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function isList(ca: NonNullable<TlsSettings['ca']>): ca is readonly (string | Uint8Array)[] {
  return Array.isArray(ca);
}

function nodeBytes(value: string | Uint8Array): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value);
}
