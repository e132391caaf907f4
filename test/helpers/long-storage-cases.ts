/**
 * Cases of the storage suite that write hundreds of times, which takes seconds where each write is synced to a disk. The
 * store in memory has them in the quick suite too.
 */
export const LONG_STORAGE_CASES = /^ST-(?:20|70|94|95|104)(?:\.|$)/;
