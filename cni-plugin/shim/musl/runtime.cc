// The two symbols of glibc that its libstdc++ and libgcc want and musl does not have. See flags.sh.
// Linked with glibc instead, this file is empty: that one defines them itself.
#include <features.h>

#ifndef __GLIBC__

extern "C" {

/** Lets reference counts be plain integers; this program never starts a thread. */
extern char __libc_single_threaded;
char __libc_single_threaded = 1;

/** -1: not found. libgcc's unwinder asks here after the tables that crtbeginT.o has registered. */
int _dl_find_object(void*, void*);
int _dl_find_object(void*, void*) {
  return -1;
}
}

#endif
