/* The program of an OCI runtime in the guest's image. */
#ifndef NK_RUNTIME_PROGRAM_H
#define NK_RUNTIME_PROGRAM_H

#include <stddef.h>

/* Where the image has it; NULL: nowhere. out may hold the path. */
const char *nk_runtime_find(const char *name, char *out, size_t size);

/* What to execute for the program at path: a copy in memory that nobody can change, made once, or path
 * itself.
 *
 * crun and runc copy themselves at every start, so that a container cannot change the program through
 * /proc/PID/exe, unless they already run from a sealed memfd (cloned_binary.c of both). Under software
 * emulation such a copy costs far more than its bytes: its pages are new, so all of its code is translated
 * anew. */
const char *nk_runtime_sealed(const char *path, char *out, size_t size);

#endif
