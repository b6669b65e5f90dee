/* The file of a socket in the guest. */
#ifndef NK_RELAY_SOCKET_H
#define NK_RELAY_SOCKET_H

#include "base/error.h"

#include <stdint.h>

/* A bound socket mounted on `target`, which listens when `type` is SOCK_STREAM. <0: nothing is left of it. */
int nk_socket_put(uint32_t number, const char *target, int type, struct nk_error *e);
void nk_socket_remove(uint32_t number, const char *target);

#endif
