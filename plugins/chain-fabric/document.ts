/** A block of Hyperledger Fabric, in protobuf, as a document: `{"raw":"…"}`. */
export function fabricDocument(block: Uint8Array): Uint8Array {
  const raw = Buffer.from(block.buffer, block.byteOffset, block.length).toString('base64');
  return Buffer.from(`{"raw":"${raw}"}`);
}
