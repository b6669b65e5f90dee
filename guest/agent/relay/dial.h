/* Connections to servers of the guest. */
#ifndef NK_DIAL_H
#define NK_DIAL_H

#include "base/error.h"

#include <stdint.h>

/* Owns the socket, which does not wait; -1: `e` says why there is none. */
typedef void nk_dialled(void *data, int fd, const struct nk_error *e);

/* Connects to a TCP port of the loopback device: of 127.0.0.1, and of ::1 where nobody listens there. `then`
 * is called later, once. NOT_FOUND: nobody listens at either. <0: it will not be called. */
int nk_dial(uint16_t port, nk_dialled *then, void *data, struct nk_error *e);

#endif
