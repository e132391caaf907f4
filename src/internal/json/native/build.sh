#!/bin/sh
# Builds a module from scan.c: ../wasm.ts, or the file that is named.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec sh "$here/../../../../scripts/build-wasm.sh" "$here/scan.c" 4096 'of the scan' "${1:-$here/../wasm.ts}" -msimd128
