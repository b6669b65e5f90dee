/* The file by which the host knows that a share shows the tree that it should. */
#ifndef NK_PROOF_H
#define NK_PROOF_H

#include "base/error.h"

#define NK_PROOF_BYTES 64

/* Reads it: 1 to NK_PROOF_BYTES hexadecimal digits. -1 with NOT_FOUND for anything else. */
int nk_proof_read(const char *path, char text[NK_PROOF_BYTES + 1], struct nk_error *e);

#endif
