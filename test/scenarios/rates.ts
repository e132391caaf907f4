import type { ChainRules } from '../../src/contracts/index.js';
import { ValidatorCarry } from '../../src/internal/validators.js';

/** Processor time of each measurement, in milliseconds. */
const MEASURED_MS = 2000;

export const RATES_HEAD = '\n| rules | blocks | bytes a block | blocks/s | MB/s |\n|---|---|---|---|---|';

/**
 * Prints how many blocks one core verifies, in processor time: others may work beside it.
 *
 * @param isChain - the documents follow each other, so that their validators are carried too.
 */
export function measureRate(
  name: string,
  what: string,
  rules: ChainRules,
  documents: readonly Uint8Array[],
  { isChain = false }: { readonly isChain?: boolean } = {},
): void {
  const round = (): void => {
    const carry = new ValidatorCarry(rules, null);
    for (const document of documents) {
      const block = rules.verify(document, null);
      if (isChain) carry.take(block, () => document);
    }
  };
  const spentMs = (since: NodeJS.CpuUsage): number => {
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1000;
  };
  for (const began = process.cpuUsage(); spentMs(began) < MEASURED_MS / 4;) round();
  const began = process.cpuUsage();
  let rounds = 0;
  for (; spentMs(began) < MEASURED_MS; rounds++) round();
  const seconds = spentMs(began) / 1000;
  const bytes = documents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const perSecond = (amount: number): number => (amount * rounds) / seconds;
  const size = Math.round(bytes / documents.length);
  const rates = `${perSecond(documents.length).toFixed(0)} | ${(perSecond(bytes) / 1e6).toFixed(1)}`;
  console.log(`| ${name} | ${what} | ${size} | ${rates} |`);
}
