#!/bin/sh
# Builds a module from scan.c: ../wasm.ts, or the file that is named.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-clang} --target=wasm32 -O3 -Wall -Wextra -nostdlib -msimd128 -msign-ext -mbulk-memory \
  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=4096 \
  -o "$work/scan.wasm" "$here/scan.c"

cat > "${1:-$here/../wasm.ts}" <<END
/** The WebAssembly module of the scan, in base64. Made by \`native/build.sh\`. */
export const WASM: string =
  '$(base64 -w 0 "$work/scan.wasm")';
END
