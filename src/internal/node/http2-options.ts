import { getPackedSettings, type SessionOptions, type Settings } from 'node:http2';
import { integer, number, passedOn, type Reader, refusal } from '../options/index.js';

const count = integer();
const some = integer({ min: 1 });

const SETTINGS = passedOn<Settings>('an object of HTTP/2 settings', {
  headerTableSize: 'checked',
  enablePush: 'checked',
  initialWindowSize: 'checked',
  maxFrameSize: 'checked',
  maxConcurrentStreams: 'checked',
  maxHeaderListSize: 'checked',
  enableConnectProtocol: 'checked',
});

/** Settings of a session. Node looks at them when the first connection is there; here they are looked at by the call. */
const settings: Reader<Settings> = {
  ...SETTINGS,
  read(value, where) {
    const given = SETTINGS.read(value, where);
    try {
      getPackedSettings(given);
    } catch (error) {
      throw refusal(
        where,
        `is not what Node takes: ${error instanceof Error ? error.message : String(error)}.`,
      );
    }
    return given;
  },
};

/** Readers of the options of a session that Node takes without looking at them. */
export const HTTP2_SESSION_OPTIONS = {
  maxDeflateDynamicTableSize: count,
  maxSettings: some,
  maxSessionMemory: number({ min: 1 }),
  maxHeaderListPairs: some,
  maxOutstandingPings: count,
  maxSendHeaderBlockLength: count,
  paddingStrategy: count,
  peerMaxConcurrentStreams: count,
  settings,
  unknownProtocolTimeout: 'checked',
} as const satisfies { readonly [K in keyof SessionOptions]?: unknown };

/** Options of TLS that both sides have, and that Node checks at the call. */
export const TLS_OPTIONS = {
  ca: 'checked',
  cert: 'checked',
  ciphers: 'checked',
  crl: 'checked',
  dhparam: 'checked',
  ecdhCurve: 'checked',
  key: 'checked',
  maxVersion: 'checked',
  minVersion: 'checked',
  passphrase: 'checked',
  pfx: 'checked',
  secureContext: 'checked',
  secureOptions: 'checked',
  sigalgs: 'checked',
} as const;
