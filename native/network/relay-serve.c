/* The loop of the relay. */
#include "relay.h"

#include "common/fail.h"
#include "common/io.h"

#include <errno.h>
#include <string.h>

enum {
    UNTIL,
    UDP,
    TCP = UDP + RELAY_MAX_WAYS,
    QUERIES = TCP + RELAY_MAX_WAYS,
    CONNECTIONS = QUERIES + RELAY_QUERIES,
    POLLED = CONNECTIONS + 2 * RELAY_CONNECTIONS,
};

static struct relay_queries queries;
static struct relay_connections connections;

/* The time when something has to be ended is *next_us. */
static void fill(struct pollfd polled[POLLED], const struct relay_ways *ways, int until, uint64_t *next_us) {
    const int is_full = relay_connections_full(&connections);

    memset(polled, 0, sizeof(struct pollfd) * POLLED);
    polled[UNTIL].fd = until;
    for (size_t i = 0; i < RELAY_MAX_WAYS; i++) {
        const int is_there = i < ways->count;
        polled[UDP + i] = (struct pollfd){.fd = is_there ? ways->items[i].udp : -1, .events = POLLIN};
        polled[TCP + i] =
            (struct pollfd){.fd = is_there && !is_full ? ways->items[i].tcp : -1, .events = POLLIN};
    }
    relay_queries_poll(&queries, polled + QUERIES, next_us);
    relay_connections_poll(&connections, polled + CONNECTIONS, next_us);
}

static int wait_ms(uint64_t next_us) {
    const uint64_t now_us = nk_boottime_us();

    if (next_us == UINT64_MAX)
        return -1;
    return next_us <= now_us ? 0 : (int)((next_us - now_us) / 1000) + 1;
}

/* What is there first: its places are those that were asked. */
static void step(const struct pollfd polled[POLLED], const struct relay_ways *ways) {
    const uint64_t now_us = nk_boottime_us();

    relay_queries_step(&queries, ways, polled + QUERIES, now_us);
    relay_connections_step(&connections, polled + CONNECTIONS, now_us);
    for (size_t i = 0; i < ways->count; i++) {
        if (polled[UDP + i].revents)
            relay_queries_ask(&queries, ways, i, now_us);
        if (polled[TCP + i].revents)
            relay_connections_accept(&connections, &ways->items[i], now_us);
    }
}

static int loop(const struct relay_ways *ways, int until) {
    struct pollfd polled[POLLED];

    for (;;) {
        uint64_t next_us = UINT64_MAX;
        fill(polled, ways, until, &next_us);
        if (poll(polled, POLLED, wait_ms(next_us)) < 0 && errno != EINTR)
            return fail_errno("poll");
        if (polled[UNTIL].revents)
            return 0;
        step(polled, ways);
    }
}

int relay_serve(const struct relay_ways *ways, int until) {
    int ret;

    relay_queries_start(&queries);
    relay_connections_start(&connections);
    ret = loop(ways, until);
    relay_queries_end(&queries);
    relay_connections_end(&connections);
    return ret;
}
