import { cometbft, cometbftDocument } from '../../plugins/chain-cometbft/index.js';
import { assertRefused, type Vectors, vectorTest, verdictOf } from '../helpers/chain-vectors.js';
import { resultOf } from '../helpers/rpc-answer.js';

const rules = cometbft().create();
const signed = cometbft({ commits: 'required' }).create();

interface Answer {
  readonly height: string;
  readonly hash: string;
}

const answersOf = (vectors: Vectors): Readonly<Record<string, Answer>> =>
  JSON.parse(vectors('answers.json').toString()) as Record<string, Answer>;

const blockOf = (vectors: Vectors, name: string): Uint8Array =>
  cometbftDocument({ block: vectors(`cometbft/${name}.json`) });

/** A header with its commit and validators, from the answers of `/commit` and `/validators`. */
function lightBlock(vectors: Vectors, commit: string, validators: string): Uint8Array {
  const header = JSON.stringify(resultOf(vectors(commit))['signed_header']);
  const list = JSON.stringify(resultOf(vectors(validators))['validators']);
  return Buffer.from(`{"signed_header":${header},"validators":${list}}`);
}

vectorTest(
  'Genuine blocks of Tendermint and CometBFT are taken, with their heights and hashes',
  (t, vectors) => {
    const answers = answersOf(vectors);
    const names = Object.keys(answers).filter((name) => /^cometbft\/.*-(block|evidence)-?/.test(name));
    t.is(names.length, 8);
    for (const name of names) {
      const { height, hash } = answers[name] as Answer;
      const verdict = verdictOf(rules, blockOf(vectors, name.slice('cometbft/'.length, -'.json'.length)));
      t.like(verdict, { height: Number(height), hash }, name);
    }
  },
);

vectorTest('Genuine commits are taken, by blocks that have them and by headers', (t, vectors) => {
  const answers = answersOf(vectors);
  for (const version of ['v034', 'v038']) {
    const document = cometbftDocument({
      block: vectors(`cometbft/${version}-block-10.json`),
      commit: vectors(`cometbft/${version}-commit-10.json`),
      validators: [vectors(`cometbft/${version}-validators.json`)],
    });
    t.like(verdictOf(signed, document), {
      height: 10,
      hash: answers[`cometbft/${version}-block-10.json`]?.hash,
    });
    assertRefused(
      t,
      signed,
      blockOf(vectors, `${version}-block-10`),
      ['SIGNATURE_INVALID', /no "commit"/],
      version,
    );
  }
  for (const height of [10500, 10501]) {
    const files = ['commit', 'validators'].map((part) => `cometbft/mocha-${height}-${part}.json`);
    const [commit = '', validators = ''] = files;
    const verdict = verdictOf(signed, lightBlock(vectors, commit, validators));
    t.like(verdict, { height, hash: answers[commit]?.hash }, commit);
  }
});

vectorTest('Altered commits are refused, each for its reason', (t, vectors) => {
  const reasons: Record<string, readonly [string, RegExp]> = {
    'timestamp-1ns': ['SIGNATURE_INVALID', /signatures\[\d\]\.signature" is not that of validator/],
    'nil-made-commit': ['SIGNATURE_INVALID', /signatures\[\d\]\.signature" is not that of validator/],
    'one-absent': ['SIGNATURE_INVALID', /not more than two thirds/],
    'round-1': ['SIGNATURE_INVALID', /signature" is not that of validator 0/],
    'parts-changed': ['SIGNATURE_INVALID', /signature" is not that of validator 0/],
    'app-hash': ['HASH_MISMATCH', /states the hash/],
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const commit = `negative/mocha-10501-${name}.json`;
    const document = lightBlock(vectors, commit, 'cometbft/mocha-10501-validators.json');
    assertRefused(t, rules, document, reason, name);
  }
});
