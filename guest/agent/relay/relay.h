/* Unix sockets of the host: in the place of each a socket of the guest, whose peer the host is. And
 * connections of the host to ports of the guest. */
#ifndef NK_RELAY_H
#define NK_RELAY_H

#include "base/error.h"

#include <stdint.h>

/* Mounts a listening socket of ours on `target`, which is a socket of a share, with its owner and mode. With
 * a `stream` it is one of datagrams, which go there. */
int nk_relay_listen(uint32_t number, const char *target, uint32_t stream, struct nk_error *e);

/* Takes it off again, with the connections that the host has not taken. */
int nk_relay_forget(uint32_t number, struct nk_error *e);
void nk_relay_forget_all(void);

/* Of a connection that the host was told of: its bytes flow from now on. Without streams (0) it is closed. */
int nk_relay_accept(uint32_t number, uint32_t connection, uint32_t in, uint32_t out, struct nk_error *e);

/* The bytes of a connection that was made for the host flow from now on. `fd` is owned from then on. */
int nk_relay_take(int fd, uint32_t in, uint32_t out, struct nk_error *e);

/* The host may not know of connections that it has not taken: they are closed. */
void nk_relay_disconnected(void);

#endif
