/* Passes on what a guest asks a name server of the container's network namespace (relay.c). */
#ifndef NK_RELAY_H
#define NK_RELAY_H

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>

/* resolv.conf(5) has no more name servers. */
#define RELAY_MAX_WAYS 3

/* The sockets where the guest asks, which do not wait, and the server that is asked for it. */
struct relay_way {
    int udp;
    int tcp;
    struct sockaddr_in server;
};

struct relay_ways {
    struct relay_way items[RELAY_MAX_WAYS];
    size_t count;
};

/* Serves until nobody reads from `until`, a pipe. <0: fail_text(). The servers are those of the network
 * namespace that this thread is in. */
int relay_serve(const struct relay_ways *ways, int until);

/* relay-udp.c: a query has a socket of its own until its answer comes. The oldest gives way to a new one. */
#define RELAY_QUERIES 128

struct relay_queries {
    struct relay_query {
        int fd; /* -1: free */
        size_t way;
        struct sockaddr_in client;
        uint64_t end_us;
    } items[RELAY_QUERIES];
};

void relay_queries_start(struct relay_queries *queries);
void relay_queries_end(struct relay_queries *queries);
/* Fills `polled`, RELAY_QUERIES of them; *next_us becomes earlier when one of them ends before. */
void relay_queries_poll(const struct relay_queries *queries, struct pollfd *polled, uint64_t *next_us);
/* Passes on answers, and ends what is too late. */
void relay_queries_step(struct relay_queries *queries, const struct relay_ways *ways,
                        const struct pollfd *polled, uint64_t now_us);
/* Passes on what the guest asks. */
void relay_queries_ask(struct relay_queries *queries, const struct relay_ways *ways, size_t way,
                       uint64_t now_us);

/* relay-tcp.c: connections, each until both sides have ended or nothing has come for a while. */
#define RELAY_CONNECTIONS 32
#define RELAY_CHUNK_BYTES 4096

struct relay_connections {
    struct relay_connection {
        int fds[2]; /* the guest, the server; -1: free */
        struct relay_half {
            size_t from;
            size_t to;
            int has_ended; /* nothing more comes */
            int is_shut;   /* that has been told to the other side */
            char bytes[RELAY_CHUNK_BYTES];
        } halves[2]; /* what came from that side */
        uint64_t end_us;
    } items[RELAY_CONNECTIONS];
};

void relay_connections_start(struct relay_connections *connections);
void relay_connections_end(struct relay_connections *connections);
int relay_connections_full(const struct relay_connections *connections);
/* Fills `polled`, two for each of RELAY_CONNECTIONS. */
void relay_connections_poll(const struct relay_connections *connections, struct pollfd *polled,
                            uint64_t *next_us);
void relay_connections_step(struct relay_connections *connections, const struct pollfd *polled,
                            uint64_t now_us);
void relay_connections_accept(struct relay_connections *connections, const struct relay_way *way,
                              uint64_t now_us);

/* relay-link.c: the pair of interfaces between the guest's network and the relay. */
struct relay_link {
    const char *name;     /* in the container's namespace */
    uint8_t mac[6];       /* of the relay's end */
    uint8_t guest_mac[6]; /* of who asks */
    struct in_addr addresses[RELAY_MAX_WAYS];
    size_t count;
};

/* Makes a network namespace, which this thread is in then, with one end in it; the other one is in `outside`,
 * and down. <0: fail_text() */
int relay_link_make(const struct relay_link *link, int outside);

/* Brings up the end that is in the namespace of this thread. */
int relay_link_up(const char *name);

#endif
