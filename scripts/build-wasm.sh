#!/bin/sh
# Builds a WebAssembly module from one C file, as a TypeScript module that has it in base64.
# usage: build-wasm.sh SOURCE STACK_BYTES WHAT OUT [FLAG ...]
set -eu
source=$1 stack=$2 what=$3 out=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-clang} --target=wasm32 -O3 -Wall -Wextra -nostdlib -msign-ext -mbulk-memory "$@" \
  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size="$stack" \
  -o "$work/module.wasm" "$source"

cat > "$out" <<END
/** The WebAssembly module $what, in base64. Made by \`native/build.sh\`. */
export const WASM: string =
  '$(base64 -w 0 "$work/module.wasm")';
END
