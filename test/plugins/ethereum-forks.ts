/*
 * Headers of the forks that the shared data lacks, with hashes that other implementations computed.
 */

const zeros = (bytes: number): string => `0x${'00'.repeat(bytes)}`;
const emptyTrie = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';

const common = {
  sha3Uncles: '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347',
  logsBloom: zeros(256),
  difficulty: '0x0',
  nonce: zeros(8),
  baseFeePerGas: '0x7',
  withdrawalsRoot: emptyTrie,
  uncles: [],
};

/** Cancun: block 1 of a blob test of the Ethereum execution-spec-tests. */
export const cancunBlock = {
  ...common,
  parentHash: '0xd9afd2e454bd4dbaba688c0f8a0463689e50da4fe4bd675a9fb59434bedc2d55',
  miner: '0x2adc25665018aa1fe0e6bc666dac8fc2697ff9ba',
  stateRoot: '0x0db85f0bc22f84493da39f9c08113aea13559eb14f9cac67e5db5007d01c5df4',
  transactionsRoot: '0x1cbe160c60be9946c1477734baf89a03a0d6d75b8d64b3bed9d3954a1976c656',
  receiptsRoot: '0xeaa8c40899a61ae59615cf9985f5e2194f8fd2b57d273be63bde6733e89b12ab',
  number: '0x1',
  gasLimit: '0x16345785d8a0000',
  gasUsed: '0x5208',
  timestamp: '0xc',
  extraData: '0x',
  mixHash: zeros(32),
  blobGasUsed: '0x40000',
  excessBlobGas: '0xe0000',
  parentBeaconBlockRoot: zeros(32),
  hash: '0x4ff059d45cd9c3aaee26292786a7ea8bf6d00ec330bd50e00d2a6b1c9b6ed06e',
};

/** Prague: block 158 of a development network, made by Erigon. */
export const pragueBlock = {
  ...common,
  parentHash: '0x25c26894165fbde26eea9d1768faccd34c8d586e856744ebf91845b90e04879c',
  miner: '0x8943545177806ed17b9f23f0a21ee5948ecaa776',
  stateRoot: '0xa49e92083814ffba167fb8b841c376b49e0541d9e5821f0366bd7907d247cffc',
  transactionsRoot: emptyTrie,
  receiptsRoot: emptyTrie,
  number: '0x9e',
  gasLimit: '0x3938700',
  gasUsed: '0x0',
  timestamp: '0x6a647f8b',
  extraData: '0x657269676f6e2d332e352e332d6565383635663263',
  mixHash: '0x309992977fac827b69a5d36b206d6af0923f49d8802782e0fe7ceb5996ce8cc5',
  blobGasUsed: '0x0',
  excessBlobGas: '0x0',
  parentBeaconBlockRoot: '0x12762f4d7c5f7c0caee6ba527c41312168789367a150834e04d9b6a9941acc90',
  requestsHash: '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  hash: '0x789bca9613407fc85eb72a7f94a5f2d16178b5efcb8c18e6e77240fc2e603bfc',
};
