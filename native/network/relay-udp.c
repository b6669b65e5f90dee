/* Queries by UDP, and their answers. */
#include "relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than who asks waits for an answer. */
#define WAIT_US 15000000
/* So many at once, or others would never have their turn. */
#define BURST 32
#define MAX_DATAGRAM_BYTES 65535

static char datagram[MAX_DATAGRAM_BYTES];

static void finish(struct relay_query *query) {
    if (query->fd >= 0)
        close(query->fd);
    query->fd = -1;
}

void relay_queries_start(struct relay_queries *queries) {
    for (size_t i = 0; i < RELAY_QUERIES; i++)
        queries->items[i].fd = -1;
}

void relay_queries_end(struct relay_queries *queries) {
    for (size_t i = 0; i < RELAY_QUERIES; i++)
        finish(&queries->items[i]);
}

void relay_queries_poll(const struct relay_queries *queries, struct pollfd *polled, uint64_t *next_us) {
    for (size_t i = 0; i < RELAY_QUERIES; i++) {
        const struct relay_query *query = &queries->items[i];
        polled[i] = (struct pollfd){.fd = query->fd, .events = POLLIN};
        if (query->fd >= 0 && query->end_us < *next_us)
            *next_us = query->end_us;
    }
}

/* An answer that finds no way to the guest is lost, as it would be on any network. */
static void answer(struct relay_query *query, const struct relay_ways *ways) {
    const ssize_t count = recv(query->fd, datagram, sizeof datagram, 0);

    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count >= 0)
        sendto(ways->items[query->way].udp, datagram, (size_t)count, 0,
               (const struct sockaddr *)&query->client, sizeof query->client);
    finish(query);
}

void relay_queries_step(struct relay_queries *queries, const struct relay_ways *ways,
                        const struct pollfd *polled, uint64_t now_us) {
    for (size_t i = 0; i < RELAY_QUERIES; i++) {
        struct relay_query *query = &queries->items[i];
        if (query->fd >= 0 && polled[i].revents)
            answer(query, ways);
        if (query->fd >= 0 && query->end_us <= now_us)
            finish(query);
    }
}

/* A free one, else the oldest. */
static struct relay_query *take(struct relay_queries *queries) {
    struct relay_query *oldest = &queries->items[0];

    for (size_t i = 0; i < RELAY_QUERIES; i++) {
        struct relay_query *query = &queries->items[i];
        if (query->fd < 0)
            return query;
        if (query->end_us < oldest->end_us)
            oldest = query;
    }
    finish(oldest);
    return oldest;
}

static void ask(struct relay_query *query, const struct sockaddr_in *server, size_t bytes) {
    query->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (query->fd >= 0 && (connect(query->fd, (const struct sockaddr *)server, sizeof *server) < 0 ||
                           send(query->fd, datagram, bytes, 0) < 0))
        finish(query);
}

void relay_queries_ask(struct relay_queries *queries, const struct relay_ways *ways, size_t way,
                       uint64_t now_us) {
    const struct relay_way *asked = &ways->items[way];

    for (int i = 0; i < BURST; i++) {
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        const ssize_t count =
            recvfrom(asked->udp, datagram, sizeof datagram, 0, (struct sockaddr *)&client, &size);
        struct relay_query *query;
        if (count < 0)
            return;
        query = take(queries);
        query->way = way;
        query->client = client;
        query->end_us = now_us + WAIT_US;
        ask(query, &asked->server, (size_t)count);
    }
}
