import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key and its certificate, as PEM. */
export interface KeyAndCert {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A certificate of 127.0.0.1 and localhost, or of other names, that is its own authority. */
export function selfSigned(names = 'DNS:localhost,IP:127.0.0.1'): KeyAndCert {
  const folder = mkdtempSync(join(tmpdir(), 'blockferry-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert];
  try {
    execFileSync('openssl', [...made, ...subject], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const CA_CONFIG = `[ca]
default_ca = own
[own]
database = index.txt
serial = serial.txt
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
`;

/** A certificate of 127.0.0.1 and localhost that is its own authority and was good on one day in 2020. */
export function expired(): KeyAndCert {
  const cwd = mkdtempSync(join(tmpdir(), 'blockferry-tls-'));
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd, stdio: 'ignore' });
  };
  const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
  try {
    writeFileSync(join(cwd, 'ca.conf'), CA_CONFIG);
    writeFileSync(join(cwd, 'index.txt'), '');
    writeFileSync(join(cwd, 'serial.txt'), '01');
    const request = ['-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=localhost'];
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', ...request);
    const files = ['-keyfile', 'key.pem', '-in', 'request.pem', '-out', 'cert.pem'];
    openssl('ca', '-config', 'ca.conf', '-batch', '-notext', '-selfsign', ...files, ...dates);
    return { key: readFileSync(join(cwd, 'key.pem')), cert: readFileSync(join(cwd, 'cert.pem')) };
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

/** Opens a free port of 127.0.0.1. */
export async function listenAt(server: Server | Http2Server | Http2SecureServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
