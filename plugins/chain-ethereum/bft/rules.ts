import type { BlockRef, ChainRules, DescribedBlock, ProvedPart } from '../../../src/contracts/index.js';
import { requireExpected, requireHash } from '../../../src/internal/expected-block.js';
import { type Block, BlockReader, fieldOf, NO_PARENT, verifyBody } from '../block.js';
import { requireKnown } from '../body/known.js';
import { toHex } from '../keccak.js';
import { provedParts } from '../rules.js';
import type { SealedHeader } from './extra.js';
import { FOREIGN_NAMES } from './foreign.js';
import { readSealed } from './form.js';
import type { EvmBftSettings } from './options.js';
import { invalid, type Quorum, verifySeal, verifySeals } from './seals.js';
import { changed, checkCarried, PinnedValidators, sorted, textOf } from './validators.js';

/** A block and who made it, as it states it. */
interface SealedBlock {
  readonly block: Block;
  readonly sealed: SealedHeader;
  /** Who may seal it, in order; `null` where neither it nor the configuration says so. */
  readonly validators: readonly string[] | null;
}

/** The rules that `evmBft` registers. */
export class EvmBftRules implements ChainRules {
  readonly id = 'evm-bft';
  readonly selfCertifying = true;
  readonly covers = 'part';
  readonly proves: readonly ProvedPart[];
  readonly authorship: 'pinned' | 'carried' | 'self-declared';
  readonly genesisPreviousHash = NO_PARENT;
  readonly #reader = new BlockReader(FOREIGN_NAMES);
  readonly #isStrict: boolean;
  readonly #unprovedTypes: ReadonlySet<number>;
  readonly #pinned: PinnedValidators;
  readonly #carries: boolean;
  readonly #quorum: Quorum;
  readonly #epochBlocks: number;

  constructor(options: EvmBftSettings) {
    this.#isStrict = options.members === 'known';
    this.#unprovedTypes = new Set(options.unprovedTransactionTypes);
    this.#pinned = new PinnedValidators(options.validators);
    this.#carries = options.validatorChanges === 'carried';
    this.#quorum = options.quorum;
    this.#epochBlocks = options.epochBlocks;
    const own = this.#pinned.areNone ? ['seals'] : ['seals', 'validators'];
    this.proves = [...provedParts(this.#unprovedTypes), ...own];
    const named = this.#carries ? 'carried' : 'pinned';
    this.authorship = this.#pinned.areNone ? 'self-declared' : named;
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

  verifyValidatorChange(document: Uint8Array, before: string | null): void {
    const read = this.#read(document);
    const { height } = read.block.header;
    const now = read.validators ?? [];
    // `verify` has compared them.
    if (this.#pinned.startsAt(height)) return;
    if (before === null) {
      this.#checkFirst(height, now);
      return;
    }
    if (!this.#carries)
      throw changed(
        height,
        `has the validators ${textOf(now)}, which \`validators\` of these rules doesn't name`,
      );
    checkCarried(height, before.split(','), { now, sealers: this.#checkSeals(read) });
  }

  /** The first block of a store: where validators are named from a lower height on, it must have them. */
  #checkFirst(height: number, now: readonly string[]): void {
    const pinned = this.#pinned.at(height);
    if (pinned === null || textOf(pinned.list) === textOf(now)) return;
    const why = `has the validators ${textOf(now)}, and the blocks since ${pinned.from}, from which on \`validators\` of these rules names others, are not here: name those from ${height} on`;
    throw changed(height, why);
  }

  #read(document: Uint8Array): SealedBlock {
    const block = this.#reader.read(document);
    const sealed = readSealed(block, this.#epochBlocks);
    const stated = sealed.validators ?? [];
    const pinned = this.#pinned.at(block.header.height)?.list ?? null;
    return { block, sealed, validators: stated.length === 0 ? pinned : sorted(stated.map(toHex)) };
  }

  /** @returns who sealed; nobody for the first block. @throws SyncError `SIGNATURE_INVALID`, `VALIDATORS_CHANGED` */
  #checkSeals({ block, sealed, validators }: SealedBlock): readonly string[] {
    const { height } = block.header;
    if (validators !== null) {
      if (new Set(validators).size < validators.length) throw invalid(height, 'It names a validator twice');
      this.#pinned.check(height, validators);
    }
    if (height === 0) return [];
    if (sealed.kind === 'Clique') return this.#checkSigner(block, sealed, validators);
    if (validators === null) {
      const why = 'names no validators, since a contract has them: name them in `validators` of these rules';
      throw changed(height, why);
    }
    return verifySeals(sealed, { height, validators, quorum: this.#quorum });
  }

  #checkSigner(
    { header: { height }, fields }: Block,
    { proposer }: SealedHeader,
    validators: readonly string[] | null,
  ): readonly string[] {
    if (proposer === null) throw new TypeError('A header of Clique without a seal.');
    const signer = verifySeal(proposer, 'Its seal', { height, validators, quorum: this.#quorum });
    const difficulty = fieldOf(fields, 'difficulty')[0];
    const isInTurn = validators === null || height % validators.length === validators.indexOf(signer);
    const isRight = validators === null || difficulty === (isInTurn ? 2 : 1);
    if (!isRight)
      throw invalid(
        height,
        `Its difficulty is ${String(difficulty)}, though it is ${isInTurn ? '' : 'not '}its signer's turn`,
      );
    return [signer];
  }
}

function described({ block, validators }: SealedBlock): DescribedBlock {
  return validators === null ? block.header : { ...block.header, validators: textOf(validators) };
}
