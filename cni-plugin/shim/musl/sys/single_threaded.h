// Stands in for glibc's header of this name, which libstdc++ includes. See flags.sh.
#pragma once
extern "C" char __libc_single_threaded;
