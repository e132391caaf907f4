export { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from './codes.js';
export { isSyncError, SyncError, type ErrorContext, type SyncErrorOptions } from './sync-error.js';
