import type { ComplianceCase, ComplianceOptions } from './case.js';
import { limited } from './limited.js';
import { advanceCases } from './storage-advance.js';
import type { SharedStores, StorageFixture } from './storage-kit.js';
import { lifecycleCases } from './storage-lifecycle.js';
import { producedCases } from './storage-produced.js';
import { pruneCases } from './storage-prune.js';
import { readCases } from './storage-reads.js';
import { replaceCases } from './storage-replace.js';
import { rollbackCases } from './storage-rollback.js';
import { lineCases } from './storage-shared-line.js';
import { sharedReaderCases } from './storage-shared-readers.js';
import { sharedWriterCases } from './storage-shared-writers.js';
import { stageAfterCases } from './storage-stage-after.js';
import { stageRefusalCases } from './storage-stage-refusal.js';
import { stageCases } from './storage-stage.js';
import { tileCases } from './storage-tiles.js';
import { viewCases } from './storage-views.js';
import { writeCases } from './storage-writes.js';

export type { CuttableStorage, SharedStores, StorageFixture } from './storage-kit.js';

/** Requirements of `Storage`. What only a durable or a shared store can do is held against nothing else. */
export function storageCompliance(
  fixture: StorageFixture,
  options: ComplianceOptions = {},
): readonly ComplianceCase[] {
  const cases = [
    ...lifecycleCases(fixture),
    ...writeCases(fixture),
    ...rollbackCases(fixture),
    ...producedCases(fixture),
    ...replaceCases(fixture),
    ...advanceCases(fixture),
    ...readCases(fixture),
    ...viewCases(fixture),
    ...stageCases(fixture),
    ...stageRefusalCases(fixture),
    ...stageAfterCases(fixture),
    ...(fixture.keepsTiles === true ? tileCases(fixture) : []),
    ...(fixture.prunes === true ? pruneCases(fixture) : []),
    ...(fixture.shared === undefined ? [] : sharedCases(fixture, fixture.shared)),
  ];
  return limited(cases, options);
}

function sharedCases(fixture: StorageFixture, shared: SharedStores): readonly ComplianceCase[] {
  return [
    ...sharedWriterCases(fixture, shared),
    ...sharedReaderCases(fixture, shared),
    ...lineCases(fixture, shared),
  ];
}
