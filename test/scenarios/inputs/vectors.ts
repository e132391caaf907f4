import { createHash, X509Certificate } from 'node:crypto';
import { bitcoinDocument } from '../../../plugins/chain-bitcoin/index.js';
import { cometbftDocument } from '../../../plugins/chain-cometbft/index.js';
import { fabricDocument } from '../../../plugins/chain-fabric/index.js';
import { chainVectors } from '../../helpers/evm-vectors.js';
import { resultOf } from '../../helpers/rpc-answer.js';
import { filesIn, type Input, input, lines, read } from './input.js';

const VECTORS = 'vectors/chains';
const VOTE = /SIGNATURE_INVALID.*signature" is not that of validator/;

/** Why each altered block of other families is refused. */
const REASONS: Readonly<Record<string, RegExp>> = {
  'mocha-10501-timestamp-1ns.json': VOTE,
  'mocha-10501-nil-made-commit.json': VOTE,
  'mocha-10501-one-absent.json': /SIGNATURE_INVALID.*not more than two thirds/,
  'mocha-10501-round-1.json': VOTE,
  'mocha-10501-parts-changed.json': VOTE,
  'mocha-10501-app-hash.json': /HASH_MISMATCH.*states the hash/,
  'basic-4-resplit.block': /BLOCK_MALFORMED.*no envelope/,
  'basic-4-data-bit.block': /HASH_MISMATCH.*"data"/,
  'testblk-3-duplicate-tx.json': /HASH_MISMATCH.*CVE-2012-2459/,
};

/** The real blocks of other chains, and the altered ones. */
export function vectorInputs(): readonly Input[] {
  const all = [...evm(), ...cometbft(), ...fabric(), ...bitcoin()];
  const isFirst = ({ name }: Input): number => (name.includes('/negative/') ? 1 : 0);
  return all.toSorted((one, other) => isFirst(one) - isFirst(other));
}

function evm(): readonly Input[] {
  return chainVectors()
    .filter(({ name }) => !name.startsWith('data/ethereum/'))
    .map(({ name, document, rules, configuration, options, refusal }) => {
      const { number } = JSON.parse(Buffer.from(document).toString()) as { readonly number: string };
      const pattern = refusal === null ? null : new RegExp(`${refusal.code}.*${refusal.message.source}`);
      const [, said = ''] = configuration.split(', ');
      return input(name, lines([document]), {
        ...{ chain: rules.id, chainBefore: 'ethereum', options, configuration: said },
        ...{ base: Number(number), refusal: pattern },
      });
    });
}

function cometbft(): readonly Input[] {
  const real = filesIn(`${VECTORS}/cometbft`).filter((file) => !file.endsWith('-validators.json'));
  const altered = filesIn(`${VECTORS}/negative`).filter((file) => file.startsWith('mocha-'));
  return [
    ...real.map((file) => cometbftInput(`${VECTORS}/cometbft/${file}`, file, null)),
    ...altered.map((file) => cometbftInput(`${VECTORS}/negative/${file}`, file, REASONS[file] ?? /^$/)),
  ];
}

function cometbftInput(path: string, file: string, refusal: RegExp | null): Input {
  const [version = ''] = /^(?:mocha-\d+|[^-]+)/.exec(file) ?? [];
  const isCommit = file.includes('-commit-') || version.startsWith('mocha');
  const options = isCommit ? { commits: 'required' } : {};
  const document = isCommit ? signed(version, path) : cometbftDocument({ block: read(path) });
  const { block, signed_header: light } = JSON.parse(Buffer.from(document).toString()) as Headers;
  return input(path, lines([document]), {
    ...{ chain: 'cometbft', options, configuration: isCommit ? 'commits required' : '' },
    ...{ base: Number((block ?? light)?.header.height), refusal },
  });
}

interface Headers {
  readonly block?: { readonly header: { readonly height: string } };
  readonly signed_header?: { readonly header: { readonly height: string } };
}

/** A block, or a header alone, with its commit and those who vote. */
function signed(version: string, commit: string): Uint8Array {
  const validators = read(`${VECTORS}/cometbft/${version}-validators.json`);
  if (!version.startsWith('mocha')) {
    const block = read(`${VECTORS}/cometbft/${version}-block-10.json`);
    return cometbftDocument({ block, commit: read(commit), validators: [validators] });
  }
  const header = JSON.stringify(resultOf(read(commit))['signed_header']);
  const list = JSON.stringify(resultOf(validators)['validators']);
  return Buffer.from(`{"signed_header":${header},"validators":${list}}`);
}

function fabric(): readonly Input[] {
  const folders = [`${VECTORS}/fabric`, `${VECTORS}/negative`];
  const files = folders.flatMap((folder) => filesIn(folder).map((file) => [folder, file] as const));
  return files
    .filter(([, file]) => /\.block$|configtxlator/.test(file))
    .map(([folder, file]) => {
      const isPinned = file.startsWith('basic-');
      const base = Number(/[-_](\d+)/.exec(file)?.[1]);
      const raw = read(folder, file);
      const isJson = file.endsWith('.json');
      const document = isJson ? Buffer.from(raw.toString().replace(/\n\s*/g, '')) : fabricDocument(raw);
      return input(`${folder}/${file}`, lines([document]), {
        ...{ chain: 'fabric', base, refusal: REASONS[file] ?? null },
        options: isPinned ? { orderers: [{ mspId: 'OrdererMSP', roots: fabricRoots() }] } : {},
        configuration: isPinned ? 'its orderers named' : '',
      });
    });
}

/** Authorities of the orderers, as the first block has them. */
function fabricRoots(): readonly string[] {
  const text = read(`${VECTORS}/fabric/basic-0.block`).toString('latin1');
  const found =
    text.match(/-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n/g) ?? [];
  return [...new Set(found)].filter((pem) => {
    const certificate = new X509Certificate(pem);
    return certificate.ca && certificate.checkIssued(certificate);
  });
}

function bitcoin(): readonly Input[] {
  const genuine = filesIn(`${VECTORS}/bitcoin`).map((file) => `${VECTORS}/bitcoin/${file}`);
  const doubled = 'testblk-3-duplicate-tx.json';
  return [...genuine, `${VECTORS}/negative/${doubled}`].map((path) => {
    const refusal = path.endsWith(doubled) ? (REASONS[doubled] ?? null) : null;
    if (path.endsWith('.blk')) return input(path, lines(rawBlocks(read(path))), { chain: 'bitcoin' });
    const document = bitcoinDocument(read(path));
    const { height } = JSON.parse(Buffer.from(document).toString()) as { readonly height: number };
    return input(path, lines([document]), { chain: 'bitcoin', base: height, refusal });
  });
}

/** The blocks of a file of Bitcoin Core's, by their headers. */
function rawBlocks(file: Buffer): readonly Uint8Array[] {
  const documents: Uint8Array[] = [];
  for (let at = 0; at < file.length; at += 8 + file.readUInt32LE(at + 4))
    documents.push(headerDocument(documents.length, file.subarray(at + 8, at + 88)));
  return documents;
}

/** The document of a header of 80 bytes. */
export function headerDocument(height: number, header: Buffer): Uint8Array {
  const once = createHash('sha256').update(header).digest();
  const hash = createHash('sha256').update(once).digest().reverse().toString('hex');
  return Buffer.from(JSON.stringify({ hash, height, header: header.toString('hex') }));
}
