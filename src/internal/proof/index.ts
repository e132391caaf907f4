export { derInteger, derOctets, derSequence, type EcdsaNumbers, readEcdsaNumbers } from './der.js';
export { type Form, Members } from './members.js';
export {
  bytesField,
  fixed64Field,
  intField,
  message,
  messageField,
  type ReadField,
  readMessage,
  varint,
} from './protobuf.js';
export { mismatch, unsigned } from './refusal.js';
export { base64Bytes, hexBytes, sameBytes, toHex } from './text.js';
export { parseTime, type Time } from './time.js';
