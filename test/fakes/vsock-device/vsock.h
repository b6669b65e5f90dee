#pragma once
/* The packets of virtio-vsock (virtio 1.2, 5.10), between the queues and the connections. */
#include "connection.h"

/* Abstract socket of those who answer when the guest dials: they read "PORT\n", and say '+' or hang up. */
void vsock_dial_to(const char *name);
/* Takes what the guest has put into its queue. */
void vsock_take(void);
/* Gives the guest what there is for it, as far as it takes it. `readable` says of each connection whether the
 * host has sent something. */
void vsock_give(const bool *readable);
/* The host's end of a connection that is not open yet has said something. */
void vsock_host_said(struct connection *c);
/* The host's end takes data again. */
void vsock_host_takes(struct connection *c);
/* Whether the guest has room for a packet. */
bool vsock_has_room(void);
