/* A connected pair of sockets for fuzzers, one end of which has said all of the input. */
#ifndef NK_FUZZ_CONNECTION_H
#define NK_FUZZ_CONNECTION_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More is not sent: the kernel's buffer holds it without a reader. */
#define CONNECTION_MAX_BYTES 65536u

static inline void connection_open(int pair[2], const uint8_t *data, size_t size) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        abort();
    if (size > CONNECTION_MAX_BYTES)
        size = CONNECTION_MAX_BYTES;
    if (write(pair[1], data, size) != (ssize_t)size)
        abort();
    shutdown(pair[1], SHUT_WR);
}

#endif
