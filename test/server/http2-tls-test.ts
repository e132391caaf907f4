import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { type KeyAndCert, selfSigned } from './http2-support.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Registers a test that needs a certificate; where there is no openssl it is skipped, and its title says so. */
export function tlsTest(title: string, run: (t: ExecutionContext, tls: KeyAndCert) => Promise<void>): void {
  if (hasOpenssl) test(title, (t) => run(t, selfSigned()));
  else test.skip(`${title} (skipped: there is no openssl)`, () => undefined);
}
