#include "connection.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection connections[MAX_CONNECTIONS];

struct connection *connection_new(int fd, enum state state) {
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        if (connections[i].state != UNUSED)
            continue;
        connections[i] = (struct connection){.fd = fd, .state = state, .waiting = malloc(BUFFER_SIZE)};
        if (!connections[i].waiting)
            err(1, "memory");
        return &connections[i];
    }
    return NULL;
}

struct connection *connection_find(uint32_t host_port, uint32_t guest_port) {
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        struct connection *c = &connections[i];
        if (c->state > NAMING && c->host_port == host_port && c->guest_port == guest_port)
            return c;
    }
    return NULL;
}

void connection_free(struct connection *c) {
    close(c->fd);
    free(c->waiting);
    *c = (struct connection){.state = UNUSED};
}

uint32_t connection_credit(const struct connection *c) {
    uint32_t used = c->sent - c->peer_taken;

    return used < c->peer_buffer ? c->peer_buffer - used : 0;
}

bool connection_keep(struct connection *c, const void *data, size_t size) {
    if (size > BUFFER_SIZE - c->waiting_size)
        return false;
    memcpy(c->waiting + c->waiting_size, data, size);
    c->waiting_size += size;
    return true;
}

bool connection_write(struct connection *c) {
    ssize_t n;

    if (c->waiting_size == 0)
        return true;
    n = send(c->fd, c->waiting, c->waiting_size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    c->waiting_size -= (size_t)n;
    c->taken += (uint32_t)n;
    memmove(c->waiting, c->waiting + n, c->waiting_size);
    return true;
}
