#!/bin/sh
# Prints the flags that build `twill` against musl: flags.sh compile | link | libraries.
#
# Why not glibc: its start-up executes CPUID about 95 times, and each of them leaves a virtual machine
# for its hypervisor. Measured in one (median of 500, spawn to exit of an empty static program): glibc
# 0.86 ms, musl 0.08 ms. A CNI plugin is started for every verb of every pod.
#
# The C++ headers and libstdc++.a are those of the system's g++, which were configured for glibc. What
# that leaves open the files beside this one close; the program has one thread and uses no locale and
# no stream. Exceptions find their tables because crtbeginT.o registers them.
#
# Without Debian's musl-dev nothing is printed for `compile`, and the program is linked statically with
# glibc: the same, only slower to start.
set -eu
cd "$(dirname "$0")"
gnu=$(gcc -print-multiarch)
musl=${gnu%-gnu}-musl
lib=/usr/lib/$musl
version=$(g++ -dumpversion)
file() { g++ -print-file-name="$1"; }

if [ ! -e "$lib/libc.a" ]; then
  [ "$1" != link ] || echo -static
  exit 0
fi
case $1 in
  compile)
    echo "-nostdinc -isystem $PWD -isystem /usr/include/c++/$version" \
      "-isystem /usr/include/$gnu/c++/$version -isystem /usr/include/$musl -isystem $(file include)" \
      "-idirafter /usr/include -idirafter /usr/include/$gnu"
    ;;
  link) echo "-static -no-pie -nostdlib $lib/crt1.o $lib/crti.o $(file crtbeginT.o)" ;;
  libraries)
    echo "-Wl,--start-group $(file libstdc++.a) $(file libgcc.a) $(file libgcc_eh.a) $lib/libc.a" \
      "-Wl,--end-group $(file crtend.o) $lib/crtn.o"
    ;;
esac
