import type {
  BlockRef,
  ChainRules,
  DescribedBlock,
  ProvedPart,
  ValidatorCarrying,
  ValidatorStep,
} from '../../../src/contracts/index.js';
import { requireExpected, requireHash } from '../../../src/internal/expected-block.js';
import { sameBytes } from '../../../src/internal/proof/index.js';
import { type Block, BlockReader, fieldOf, NO_PARENT, verifyBody } from '../block.js';
import { requireKnown } from '../body/known.js';
import { toHex } from '../keccak.js';
import { provedParts } from '../rules.js';
import { ballotText } from './ballot.js';
import { Carrying } from './carrying.js';
import type { SealedHeader } from './extra.js';
import { FOREIGN_NAMES } from './foreign.js';
import { readSealed } from './form.js';
import type { EvmBftSettings } from './options.js';
import type { Curve } from './recover.js';
import { invalid, type Quorum, verifySeal, verifySeals } from './seals.js';
import { changed, PinnedValidators, sorted, textOf } from './validators.js';

/** A block and who made it, as it states it. */
interface SealedBlock {
  readonly block: Block;
  readonly sealed: SealedHeader;
  /** Who may seal it, in order; `null` where neither it nor the configuration says so. */
  readonly validators: readonly string[] | null;
}

const NO_SEAL = { block: '', seal: new Uint8Array(), by: '' };

/** The rules that `evmBft` registers. */
export class EvmBftRules implements ChainRules {
  readonly id = 'evm-bft';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly proves: readonly ProvedPart[];
  readonly authorship: 'pinned' | 'carried' | 'self-declared';
  readonly genesisPreviousHash = NO_PARENT;
  readonly carrying: ValidatorCarrying;
  readonly #reader = new BlockReader(FOREIGN_NAMES);
  readonly #isStrict: boolean;
  readonly #unprovedTypes: ReadonlySet<number>;
  readonly #pinned: PinnedValidators;
  readonly #carries: boolean;
  readonly #quorum: Quorum;
  readonly #curve: Curve;
  readonly #epochBlocks: number;
  /** What was recovered last, so that it is done once for a block that is verified and then carried on from. */
  #lastSeal: { readonly block: string; readonly seal: Uint8Array; readonly by: string } = NO_SEAL;

  constructor(options: EvmBftSettings) {
    this.#isStrict = options.members === 'known';
    this.#unprovedTypes = new Set(options.unprovedTransactionTypes);
    this.#pinned = new PinnedValidators(options.validators);
    this.#carries = options.validatorChanges === 'carried';
    this.#quorum = options.quorum;
    this.#curve = options.ecCurve;
    this.#epochBlocks = options.epochBlocks;
    const own = this.#pinned.areNone ? ['seals'] : ['seals', 'validators'];
    this.proves = [...provedParts(this.#unprovedTypes), ...own];
    const named = this.#carries ? 'carried' : 'pinned';
    this.authorship = this.#pinned.areNone ? 'self-declared' : named;
    this.carrying = new Carrying({
      pinned: this.#pinned,
      countsVotes: this.#carries,
      epochBlocks: this.#epochBlocks,
      curve: this.#curve,
      read: (document) => this.#step(document),
    });
  }

  describe(document: Uint8Array): DescribedBlock {
    return described(this.#read(document));
  }

  verify(document: Uint8Array, expected: Partial<BlockRef> | null): DescribedBlock {
    const read = this.#read(document);
    const { block, sealed } = read;
    requireExpected(block.header, expected);
    requireHash(block.header, toHex(sealed.hash));
    this.#checkSeals(read);
    verifyBody(block, { unprovedTypes: this.#unprovedTypes });
    if (this.#isStrict) requireKnown(block);
    return described(read);
  }

  #read(document: Uint8Array): SealedBlock {
    const block = this.#reader.read(document);
    const sealed = readSealed(block, this.#epochBlocks);
    const stated = sealed.validators ?? [];
    const validators = stated.length === 0 ? this.#named(block, sealed) : sorted(stated.map(toHex));
    return { block, sealed, validators };
  }

  /** Validators of a block that lists none: those named, unless votes may have changed them since. */
  #named({ header: { height } }: Block, { kind }: SealedHeader): readonly string[] | null {
    if (kind === 'Clique' && this.#carries && !this.#pinned.startsAt(height)) return null;
    return this.#pinned.at(height)?.list ?? null;
  }

  #step(document: Uint8Array): ValidatorStep & { readonly isListed: boolean } {
    const read = this.#read(document);
    const { block, sealed } = read;
    const { height } = block.header;
    const isClique = sealed.kind === 'Clique';
    const turn = isClique ? (fieldOf(block.fields, 'difficulty')[0] ?? 0) : null;
    const ballot = height === 0 ? undefined : ballotText(sealed, turn, this.#makerOf(read));
    const isListed = isClique || (sealed.validators?.length ?? 0) > 0;
    return { ...statedIn(read), height, isListed, ...(ballot === undefined ? {} : { ballot }) };
  }

  /** Who made a block; `null` where only its seal says so and it isn't the one whose seal was looked into last. */
  #makerOf({ block, sealed: { proposer } }: SealedBlock): string | null {
    if (proposer === null) return toHex(fieldOf(block.fields, 'miner'));
    return this.#lastSeal.block === block.header.hash && sameBytes(this.#lastSeal.seal, proposer.bytes)
      ? this.#lastSeal.by
      : null;
  }

  /** @throws SyncError `SIGNATURE_INVALID`, `VALIDATORS_CHANGED` */
  #checkSeals({ block, sealed, validators }: SealedBlock): void {
    const { height, hash } = block.header;
    if (validators !== null) {
      if (new Set(validators).size < validators.length) throw invalid(height, 'It names a validator twice');
      this.#pinned.check(height, validators);
    }
    if (height === 0) return;
    if (validators === null && sealed.kind !== 'Clique') {
      const why = 'names no validators, since a contract has them: name them in `validators` of these rules';
      throw changed(height, why);
    }
    const checks = { height, validators, quorum: this.#quorum, curve: this.#curve };
    const { proposer } = sealed;
    if (proposer !== null) {
      const what = sealed.kind === 'Clique' ? 'Its seal' : "The proposer's seal";
      this.#lastSeal = { block: hash, seal: proposer.bytes, by: verifySeal(proposer, what, checks) };
    }
    if (validators === null || sealed.kind === 'Clique') return;
    verifySeals(sealed, { ...checks, validators });
  }
}

function described(read: SealedBlock): DescribedBlock {
  return { ...read.block.header, ...statedIn(read) };
}

function statedIn({ validators }: SealedBlock): Pick<DescribedBlock, 'validators'> {
  return validators === null ? {} : { validators: textOf(validators) };
}
