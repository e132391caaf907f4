export { elements } from './elements.js';
export { malformed } from './fail.js';
export { isNull, plainStringSpan, readInteger, readPlainString, readRaw, readString } from './read.js';
export { type Document, MAX_DEPTH, scanBlock, scanDocument, scanObject, type ScanOptions } from './scan.js';
export { isModest } from './modest.js';
export { optionalMember, requiredMember } from './single.js';
export type { Span } from './span.js';
export { DocumentSplitter, type SplitForm } from './splitter.js';
export { ElementEnd } from './element-end.js';
