#!/bin/sh
# Compiles the claim program: build.sh [OUTPUT]. The object is committed; a test compares it with its source.
# BTF (maps, line numbers) stays, DWARF goes. Paths are mapped so that the object is the same wherever it is built.
set -eu
cd "$(dirname "$0")"
output=${1:-claim.bpf.o}
clang=${CLANG:-clang}
include=/usr/include/$(uname -m)-linux-gnu
$clang -target bpf -mcpu=v3 -O2 -g -Wall -Werror -isystem "$include" -ffile-prefix-map="$PWD=." -c claim.bpf.c -o "$output"
${LLVM_STRIP:-llvm-strip} -g "$output"
