// musl's <features.h> and the two names of glibc that libstdc++'s configuration uses. See flags.sh.
#pragma once
#include_next <features.h>

#define __GLIBC_PREREQ(major, minor) 0
#define __locale_t locale_t
