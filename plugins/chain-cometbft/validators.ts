import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  bytesField,
  type Form,
  intField,
  type Members,
  message,
  messageField,
  sameBytes,
  toHex,
  unsigned,
} from '../../src/internal/proof/index.js';
import { type Commit, FLAG, MAX_VOTES, signBytesOf } from './commit.js';
import { merkleRoot, sha256 } from './merkle.js';

/** One of those who vote on blocks. */
export interface Validator {
  /** Of Ed25519. */
  readonly key: Uint8Array;
  readonly address: Uint8Array;
  readonly power: bigint;
}

/** Those who vote on a block, in their order. */
export interface ValidatorSet {
  readonly validators: readonly Validator[];
  readonly hash: Uint8Array;
  readonly power: bigint;
}

const VALIDATOR: Form = {
  names: ['address', 'pub_key', 'voting_power', 'power', 'name', 'proposer_priority'],
  exact: false,
};
const PUBLIC_KEY: Form = { names: ['type', 'value'], exact: true };
const ED25519 = ['tendermint/PubKeyEd25519', 'cometbft/PubKeyEd25519'];
const KEY_BYTES = 32;
const ADDRESS_BYTES = 20;
const SIGNATURE_BYTES = 64;
/** What stands before the bytes of a key in its SubjectPublicKeyInfo (RFC 8410, section 4). */
const BEFORE_KEY = Buffer.from('302a300506032b6570032100', 'hex');
/** Keys that are kept ready: making one costs as much as a check. */
const MAX_KEYS = 1024;

/** Reads a list of validators, as `/validators` and a genesis file have it. @throws SyncError `BLOCK_MALFORMED` */
export function readValidators(parent: Members, name: string, known: boolean): ValidatorSet {
  return setOf(
    Array.from(parent.objects(name, VALIDATOR, MAX_VOTES), (one) => {
      if (known) one.requireKnown();
      return readValidator(one);
    }),
  );
}

/** A set with its hash, in the order that is given. */
export function setOf(validators: readonly Validator[]): ValidatorSet {
  const leaves = validators.map(({ key, power }) =>
    message(messageField(1, message(bytesField(1, key))), intField(2, power)),
  );
  return {
    validators,
    hash: merkleRoot(leaves),
    power: validators.reduce((sum, { power }) => sum + power, 0n),
  };
}

/** The address of a key. */
export function addressOf(key: Uint8Array): Uint8Array {
  return sha256(key).subarray(0, ADDRESS_BYTES);
}

function readValidator(one: Members): Validator {
  const publicKey = one.object('pub_key', PUBLIC_KEY);
  const type = publicKey.text('type');
  if (!ED25519.includes(type))
    throw publicKey.wrong('type', `key of Ed25519 but ${type}, which is not known here,`);
  const key = publicKey.base64('value', KEY_BYTES);
  const address = addressOf(key);
  if (!sameBytes(address, one.hex('address', 'upper'))) throw one.wrong('address', 'address of the key');
  const both = one.find('voting_power') !== null && one.find('power') !== null;
  const power = one.integer(one.find('voting_power') === null ? 'power' : 'voting_power');
  if (both || power <= 0n) throw one.wrong('voting_power', 'power above 0');
  return { key, address, power };
}

/** Checks the votes of commits. */
export class VoteChecker {
  readonly #keys = new Map<string, KeyObject>();

  /**
   * Checks that more than two thirds of the power voted for a block, and that no vote is false.
   *
   * @throws SyncError `SIGNATURE_INVALID`
   */
  check(commit: Commit, set: ValidatorSet, chainId: string): void {
    const { height, signatures } = commit;
    const { validators } = set;
    if (signatures.length !== validators.length)
      throw unsigned(
        height,
        `its commit has ${signatures.length} "signatures" for ${validators.length} validators`,
      );
    // All that costs little comes first.
    checkPower(commit, set);
    const signBytes = signBytesOf(commit, chainId);
    for (const [at, vote] of signatures.entries()) {
      if (vote.flag === FLAG.absent) continue;
      if (!this.#isSigned(signBytes(vote), vote.signature, validators[at] as Validator))
        throw unsigned(height, `"commit.signatures[${at}].signature" is not that of validator ${at}`);
    }
  }

  /** Whether a vote of a commit is that of the validator it names; `null` when none of those that are given has a vote. */
  hasVotedFor(commit: Commit, { validators }: ValidatorSet, chainId: string): boolean | null {
    const voters = new Map(validators.map((one) => [toHex(one.address), one]));
    for (const vote of commit.signatures) {
      const voter = voters.get(toHex(vote.address));
      if (voter !== undefined)
        return this.#isSigned(signBytesOf(commit, chainId)(vote), vote.signature, voter);
    }
    return null;
  }

  /** OpenSSL refuses an S of the group's order and above, so that nobody can make another signature of one. */
  #isSigned(bytes: Uint8Array, signature: Uint8Array, { key }: Validator): boolean {
    if (signature.length !== SIGNATURE_BYTES) return false;
    try {
      return verify(null, bytes, this.#keyOf(key), signature);
    } catch {
      // What is no point of the curve is nobody's key.
      return false;
    }
  }

  #keyOf(bytes: Uint8Array): KeyObject {
    const name = toHex(bytes);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = createPublicKey({ key: Buffer.concat([BEFORE_KEY, bytes]), format: 'der', type: 'spki' });
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(name, key);
    return key;
  }
}

/** Checks that votes are those of their validators, if they are signed, and that those for the block are enough. */
function checkPower({ height, signatures }: Commit, { validators, power: total }: ValidatorSet): void {
  let power = 0n;
  for (const [at, { flag, address }] of signatures.entries()) {
    const validator = validators[at] as Validator;
    if (flag === FLAG.absent) continue;
    if (!sameBytes(address, validator.address))
      throw unsigned(height, `"commit.signatures[${at}].validator_address" is not that of validator ${at}`);
    if (flag === FLAG.commit) power += validator.power;
  }
  if (3n * power <= 2n * total)
    throw unsigned(
      height,
      `validators with ${power} of the power of ${total} voted for it, which is not more than two thirds`,
    );
}
