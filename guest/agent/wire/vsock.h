/* The host's vsock ports. */
#ifndef NK_VSOCK_H
#define NK_VSOCK_H

#include <stdint.h>

/* Begins to connect to the agent's port, not blocking: writable when it is decided. <0: errno. */
int nk_vsock_dial(void);

/* <0: the host did not take the connection. */
int nk_vsock_finish(int fd);

/* A connection to another port of the host: a blocking stream socket. Waits until the host has answered, 2 s
 * at most (the kernel's limit, SO_VM_SOCKETS_CONNECT_TIMEOUT). <0: errno. */
int nk_vsock_connect(uint32_t port);

#endif
