import type { ComplianceCase, ComplianceOptions } from './case.js';
import {
  bytesAreKept,
  answersRepeat,
  chainIsRead,
  hashIsChecked,
  heightIsChecked,
  verifyAgrees,
  viewsAreRead,
} from './chain-rules-answers.js';
import type { ChainRulesFixture } from './chain-rules-fixture.js';
import {
  depthIsBounded,
  encodingIsChecked,
  flipsAreNoticed,
  lineBreaksAreNoticed,
  repeatsAreHarmless,
  rubbishIsRefused,
  surroundingsAreNoticed,
  trailersAreNoticed,
  truncationIsNoticed,
} from './chain-rules-damage.js';
import { limited } from './limited.js';
import { brokenRunsAreLeft, runsAreVerified } from './chain-rules-run.js';

type Check = (fixture: ChainRulesFixture) => void;

/** Requirements of `ChainRules`, with stable ids from `CR-01`. */
export function chainRulesCompliance(
  fixture: ChainRulesFixture,
  options: ComplianceOptions = {},
): readonly ComplianceCase[] {
  const cases = CHECKS.map(([id, title, check]) => ({
    id,
    title,
    run: () =>
      Promise.resolve().then(() => {
        check(fixture);
      }),
  }));
  return limited(cases, options);
}

const CHECKS: readonly (readonly [id: string, title: string, check: Check])[] = [
  ['CR-01', 'Consecutive documents are read as a chain that starts at a genesis block', chainIsRead],
  [
    'CR-02',
    'verify accepts valid documents, at their place or any, and answers what describe does',
    verifyAgrees,
  ],
  ['CR-03', 'A document at another height than expected is refused with HEIGHT_MISMATCH', heightIsChecked],
  ['CR-04', 'A document with another hash than expected is refused with HASH_MISMATCH', hashIsChecked],
  ['CR-05', 'Where the rules certify hashes, no document with a flipped bit passes', flipsAreNoticed],
  ['CR-06', 'A document that is cut off anywhere is refused with BLOCK_MALFORMED', truncationIsNoticed],
  ['CR-07', 'More bytes after the document are refused with BLOCK_MALFORMED', trailersAreNoticed],
  ['CR-08', 'A raw line break anywhere is refused with BLOCK_MALFORMED', lineBreaksAreNoticed],
  [
    'CR-09',
    'Invalid UTF-8 anywhere and a byte order mark are refused with BLOCK_MALFORMED',
    encodingIsChecked,
  ],
  ['CR-10', 'Nesting beyond 64 levels is refused with BLOCK_MALFORMED, however deep it is', depthIsBounded],
  ['CR-11', 'A repeated member never puts a document in another place', repeatsAreHarmless],
  ['CR-12', 'The bytes are not modified', bytesAreKept],
  ['CR-13', 'The same bytes get the same answer, whatever was asked in between', answersRepeat],
  ['CR-14', 'A view into a larger buffer reads like the document alone', viewsAreRead],
  ['CR-15', 'What is no document at all is refused with BLOCK_MALFORMED', rubbishIsRefused],
  [
    'CR-16',
    'White space before or after the document is refused with BLOCK_MALFORMED',
    surroundingsAreNoticed,
  ],
  [
    'CR-17',
    'What verifyRun says of many documents is what verify says of each, and it modifies none',
    runsAreVerified,
  ],
  ['CR-18', 'verifyRun passes nothing that verify refuses', brokenRunsAreLeft],
];
