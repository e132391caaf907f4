#!/bin/sh
# Builds a module from block.c: ../wasm.ts, or the file that is named.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec sh "$here/../../../scripts/build-wasm.sh" "$here/block.c" 32768 'that proves blocks' "${1:-$here/../wasm.ts}"
