// Writes the WebAssembly module as a TypeScript module: node embed.mjs IN NOTICE OUT
import { readFileSync, writeFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';

const [input, notice, output] = process.argv.slice(2);
const wasm = readFileSync(input);
const packed = deflateRawSync(wasm, { level: 9 }).toString('base64');
const comment = readFileSync(notice, 'utf8').trimEnd().replace(/^/gm, ' * ').replace(/ +$/gm, '');
const text = `/*
${comment}
 */

/** The WebAssembly module, raw deflate in base64. Made by \`native/build.sh\`. */
export const WASM: string =
  '${packed}';
`;
writeFileSync(output, text);
console.log(`${wasm.length} bytes of WebAssembly, ${text.length} bytes of source`);
