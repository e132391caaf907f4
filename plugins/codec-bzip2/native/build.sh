#!/bin/sh
# Builds ../wasm.ts from libbz2 1.0.8 and libdivsufsort 2.0.1; see README.md for where they are and what they must be.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 BZIP2_DIRECTORY LIBDIVSUFSORT_DIRECTORY" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
bzip2=$(cd "$1" && pwd)
sort=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The few declarations of a C library that the two need; what they declare is in encode.c or built into the compiler.
echo '#include <stddef.h>
void *malloc(size_t); void free(void *);' > "$work/stdlib.h"
echo '#include <stddef.h>
void *memcpy(void *, const void *, size_t); void *memset(void *, int, size_t);' > "$work/string.h"
echo '#define assert(condition) ((void)0)' > "$work/assert.h"
: > "$work/stdio.h"
: > "$work/ctype.h"

# What libdivsufsort's own build would make of its templates.
echo '#define HAVE_STRING_H 1
#define HAVE_STDLIB_H 1
#define INLINE inline
#define PROJECT_VERSION_FULL "2.0.1"' > "$work/config.h"
sed -e 's/@DIVSUFSORT_EXPORT@//; s/@DIVSUFSORT_IMPORT@//; s/@W64BIT@//g; s/@INCFILE@/#include <stdint.h>/' \
  -e 's/@SAUCHAR_TYPE@/uint8_t/; s/@SAINT_TYPE@/int32_t/; s/@SAINT32_TYPE@/int32_t/; s/@SAINDEX_TYPE@/int32_t/' \
  -e 's/@SAINT_PRId@/"d"/; s/@SAINT32_PRId@/"d"/; s/@SAINDEX_PRId@/"d"/' \
  "$sort/include/divsufsort.h.cmake" > "$work/divsufsort.h"

${CC:-clang} --target=wasm32 -O3 -w -nostdlib -mbulk-memory -msimd128 -msign-ext -mnontrapping-fptoint \
  -DBZ_NO_STDIO -DHAVE_CONFIG_H -I"$work" -I"$bzip2" -I"$sort/include" \
  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=65536 -o "$work/codec.wasm" \
  "$here/encode.c" "$here/block-sort.c" "$here/decode.c" \
  "$bzip2/bzlib.c" "$bzip2/compress.c" "$bzip2/huffman.c" "$bzip2/crctable.c" \
  "$sort/lib/divsufsort.c" "$sort/lib/sssort.c" "$sort/lib/trsort.c"

node "$here/embed.mjs" "$work/codec.wasm" "$here/notice.txt" "$here/../wasm.ts"
