import type { SecureServerOptions, ServerOptions } from 'node:http2';
import { HTTP2_SESSION_OPTIONS, TLS_OPTIONS } from '../../internal/node/http2-options.js';
import { boolean, func, list, passedOn, text } from '../../internal/options/index.js';

const EXPECTS = "an object of options of Node's";

const onOff = boolean();
const aClass = func('a class');

const SERVER_OPTIONS = {
  ...HTTP2_SESSION_OPTIONS,
  maxSessionInvalidFrames: 'checked',
  maxSessionRejectedStreams: 'checked',
  Http1IncomingMessage: aClass,
  Http1ServerResponse: aClass,
  Http2ServerRequest: aClass,
  Http2ServerResponse: aClass,
  allowHalfOpen: onOff,
  keepAlive: onOff,
  keepAliveInitialDelay: 'checked',
  noDelay: onOff,
  pauseOnConnect: onOff,
} as const;

/** Reads the options of a server without TLS: what Node does not check itself. */
export const CLEARTEXT_OPTIONS = passedOn<ServerOptions>(EXPECTS, SERVER_OPTIONS);

/** Reads the options of a server with TLS: what Node does not check itself. */
export const SECURE_OPTIONS = passedOn<SecureServerOptions>(EXPECTS, {
  ...SERVER_OPTIONS,
  ...TLS_OPTIONS,
  ALPNCallback: 'checked',
  ALPNProtocols: 'checked',
  SNICallback: 'checked',
  allowHTTP1: onOff,
  enableTrace: onOff,
  handshakeTimeout: 'checked',
  honorCipherOrder: onOff,
  origins: list(text()),
  pskCallback: func(),
  pskIdentityHint: 'checked',
  rejectUnauthorized: onOff,
  requestCert: onOff,
  sessionIdContext: 'checked',
  sessionTimeout: 'checked',
  ticketKeys: 'checked',
});
