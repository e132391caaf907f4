#!/bin/sh
# Builds a module from block.c: ../wasm.ts, or the file that is named.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-clang} --target=wasm32 -O3 -Wall -Wextra -nostdlib -msign-ext -mbulk-memory \
  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=32768 \
  -o "$work/block.wasm" "$here/block.c"

cat > "${1:-$here/../wasm.ts}" <<END
/** The WebAssembly module that proves blocks, in base64. Made by \`native/build.sh\`. */
export const WASM: string =
  '$(base64 -w 0 "$work/block.wasm")';
END
