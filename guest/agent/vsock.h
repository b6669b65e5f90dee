/* The host's vsock port. */
#ifndef NK_VSOCK_H
#define NK_VSOCK_H

/* Begins to connect, not blocking: writable when it is decided. <0: errno. */
int nk_vsock_dial(void);

/* <0: the host did not take the connection. */
int nk_vsock_finish(int fd);

#endif
