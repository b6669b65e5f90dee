/* Queries by TCP: the bytes of connections. */
#include "relay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Servers of names end idle connections earlier. */
#define IDLE_US 30000000

static int is_free(const struct relay_connection *connection) {
    return connection->fds[0] < 0;
}

static void finish(struct relay_connection *connection) {
    for (int side = 0; side < 2; side++) {
        if (connection->fds[side] >= 0)
            close(connection->fds[side]);
        connection->fds[side] = -1;
    }
}

void relay_connections_start(struct relay_connections *connections) {
    for (size_t i = 0; i < RELAY_CONNECTIONS; i++)
        connections->items[i].fds[0] = connections->items[i].fds[1] = -1;
}

void relay_connections_end(struct relay_connections *connections) {
    for (size_t i = 0; i < RELAY_CONNECTIONS; i++)
        finish(&connections->items[i]);
}

static struct relay_connection *find_free(struct relay_connections *connections) {
    for (size_t i = 0; i < RELAY_CONNECTIONS; i++) {
        if (is_free(&connections->items[i]))
            return &connections->items[i];
    }
    return NULL;
}

int relay_connections_full(const struct relay_connections *connections) {
    for (size_t i = 0; i < RELAY_CONNECTIONS; i++) {
        if (is_free(&connections->items[i]))
            return 0;
    }
    return 1;
}

static int is_empty(const struct relay_half *half) {
    return half->from == half->to;
}

/* What is full is not read; a descriptor that waits for nothing is not asked, for its end would be told again
 * and again. */
static struct pollfd wish(const struct relay_connection *connection, int side) {
    const struct relay_half *in = &connection->halves[side];
    const short reads = !in->has_ended && is_empty(in) ? POLLIN : 0;
    const short writes = is_empty(&connection->halves[!side]) ? 0 : POLLOUT;
    const short events = (short)(reads | writes);

    return (struct pollfd){.fd = events ? connection->fds[side] : -1, .events = events};
}

void relay_connections_poll(const struct relay_connections *connections, struct pollfd *polled,
                            uint64_t *next_us) {
    for (size_t i = 0; i < RELAY_CONNECTIONS; i++) {
        const struct relay_connection *connection = &connections->items[i];
        for (int side = 0; side < 2; side++)
            polled[2 * i + (size_t)side] = wish(connection, side);
        if (!is_free(connection) && connection->end_us < *next_us)
            *next_us = connection->end_us;
    }
}

static int would_wait(void) {
    return errno == EAGAIN || errno == EINTR;
}

/* <0: that side is lost. */
static int receive(struct relay_connection *connection, int side) {
    struct relay_half *half = &connection->halves[side];
    ssize_t count;

    if (half->has_ended || !is_empty(half))
        return 0;
    count = recv(connection->fds[side], half->bytes, sizeof half->bytes, 0);
    if (count < 0)
        return would_wait() ? 0 : -1;
    half->from = 0;
    half->to = (size_t)count;
    half->has_ended = count == 0;
    return 0;
}

static int pass_on(struct relay_connection *connection, int side) {
    struct relay_half *half = &connection->halves[side];
    const int to = connection->fds[!side];

    if (!is_empty(half)) {
        const ssize_t count = send(to, half->bytes + half->from, half->to - half->from, MSG_NOSIGNAL);
        if (count < 0)
            return would_wait() ? 0 : -1;
        half->from += (size_t)count;
    }
    if (half->has_ended && is_empty(half) && !half->is_shut) {
        half->is_shut = 1;
        return shutdown(to, SHUT_WR);
    }
    return 0;
}

static int step(struct relay_connection *connection) {
    for (int side = 0; side < 2; side++) {
        if (receive(connection, side) < 0 || pass_on(connection, side) < 0)
            return -1;
    }
    return connection->halves[0].is_shut && connection->halves[1].is_shut ? -1 : 0;
}

void relay_connections_step(struct relay_connections *connections, const struct pollfd *polled,
                            uint64_t now_us) {
    for (size_t i = 0; i < RELAY_CONNECTIONS; i++) {
        struct relay_connection *connection = &connections->items[i];
        if (is_free(connection))
            continue;
        if (polled[2 * i].revents || polled[2 * i + 1].revents) {
            connection->end_us = now_us + IDLE_US;
            if (step(connection) < 0)
                finish(connection);
        } else if (connection->end_us <= now_us) {
            finish(connection);
        }
    }
}

static int connect_to(const struct sockaddr_in *server) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)server, sizeof *server) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

void relay_connections_accept(struct relay_connections *connections, const struct relay_way *way,
                              uint64_t now_us) {
    struct relay_connection *connection = find_free(connections);
    int fd;

    if (!connection || (fd = accept4(way->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
        return;
    memset(connection->halves, 0, sizeof connection->halves);
    connection->fds[0] = fd;
    connection->fds[1] = connect_to(&way->server);
    connection->end_us = now_us + IDLE_US;
    if (connection->fds[1] < 0)
        finish(connection);
}
