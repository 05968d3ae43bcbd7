#!/bin/sh
# Builds frames-4.wasm and frames-5.wasm (DWARF 4 and 5) in this folder, and frames-*.txt: their line tables as LLVM reads them.
#   apt-get install -y --no-install-recommends clang-16 lld-16 llvm-16
set -eu
cd "$(dirname "$0")"
for version in 4 5; do
  out=frames-$version
  clang-16 --target=wasm32 -O1 -gdwarf-$version -ffreestanding -ffile-prefix-map="$PWD=." -fdebug-compilation-dir=. \
    -Wall -Wextra -Werror -c frames.c -o $out.o
  wasm-ld-16 --no-entry --gc-sections $out.o -o $out.wasm
  rm $out.o
  llvm-dwarfdump-16 --debug-line $out.wasm | grep -E '^(0x|file_names|include_dir| +name:| +dir_index:)' >$out.txt
done
