/* How the agent reaches the host, and what happens when the connection ends. */
#ifndef NK_TRANSPORT_H
#define NK_TRANSPORT_H

#include <stdbool.h>

enum nk_transport_kind {
    NK_TRANSPORT_PORT,  /* the virtio-serial port named nk.agent */
    NK_TRANSPORT_VSOCK, /* CID 2, port 52 */
    NK_TRANSPORT_FD,    /* one socket, inherited: tests */
};

/* Dials; the hello goes out once the host is there. <0: hopeless. */
int nk_transport_start(enum nk_transport_kind kind, int fd);

/* The connection broke. Dials again, or ends the agent when it cannot. */
void nk_transport_lost(const char *reason);

/* A protocol error ends it: the next one is as to a host that is not known. */
void nk_transport_fail(const char *reason);

#endif
