#include "relay.h"

#include "base/agent.h"
#include "base/loop.h"
#include "common/cleanup.h"
#include "socket.h"
#include "streams/stream.h"
#include "wire/channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
    struct nk_source source; /* of a socket of datagrams it is the stream that is in the loop */
    struct relay *next;
    uint32_t number;
    char *target;
    struct nk_stream *datagrams;
};

struct connection {
    struct connection *next;
    uint32_t relay;
    uint32_t number;
    int fd; /* -1: it has its streams */
    struct nk_stream *in;
    struct nk_stream *out;
};

static struct relay *relays;
static struct connection *connections;
static unsigned relay_count;
static unsigned connection_count;
static uint32_t last_connection;

static void free_connection(struct connection *c) {
    nk_stream_free(c->in);
    nk_stream_free(c->out);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
    connection_count--;
}

/* number 0: of all relays. */
static bool is_waiting(const struct connection *c, uint32_t number) {
    return c->fd >= 0 && (number == 0 || c->relay == number);
}

static bool is_over(const struct connection *c, uint32_t unused) {
    (void)unused;
    return c->fd < 0 && c->in->finished && c->out->finished;
}

static void free_those(bool (*are)(const struct connection *c, uint32_t number), uint32_t number) {
    for (struct connection **at = &connections; *at;) {
        struct connection *c = *at;
        if (are(c, number)) {
            *at = c->next;
            free_connection(c);
        } else {
            at = &c->next;
        }
    }
}

/* Nobody else asks for what has ended. */
static bool has_room(void) {
    free_those(is_over, 0);
    return connection_count < NK_MAX_CONNECTIONS;
}

/* fd is its own from then on. */
static struct connection *new_connection(uint32_t relay, int *fd) {
    struct connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->fd = nk_take_fd(fd);
    c->relay = relay;
    c->number = ++last_connection;
    c->next = connections;
    connections = c;
    connection_count++;
    return c;
}

static void on_connection(struct nk_source *source, uint32_t events) {
    const struct relay *relay = (struct relay *)source;
    cleanup_close int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct connection *c;

    (void)events;
    /* Without a host there is nobody to take it. */
    if (fd < 0 || !has_room() || !nk_channel_is_open() || !(c = new_connection(relay->number, &fd)))
        return;
    nk_channel_send_json(json_pack("{s:s, s:I, s:I}", "event", "connection", "socket", (json_int_t)c->relay,
                                   "connection", (json_int_t)c->number));
}

static struct relay **find(uint32_t number) {
    struct relay **at = &relays;

    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void remove_relay(struct relay **at) {
    struct relay *relay = *at;

    *at = relay->next;
    relay_count--;
    free_those(is_waiting, relay->number);
    nk_stream_free(relay->datagrams);
    nk_loop_close(&relay->source);
    nk_socket_remove(relay->number, relay->target);
    free(relay->target);
    free(relay);
}

static int open_relay(struct relay *relay, uint32_t stream, struct nk_error *e) {
    const int fd = nk_socket_put(relay->number, relay->target, stream ? SOCK_DGRAM : SOCK_STREAM, e);

    if (fd < 0)
        return -1;
    if (stream) {
        relay->datagrams->socket = NK_DATAGRAMS;
        nk_stream_attach(relay->datagrams, fd, false);
        return 0;
    }
    relay->source = (struct nk_source){.fd = fd, .ready = on_connection};
    return nk_loop_add(&relay->source, EPOLLIN);
}

static struct relay *new_relay(uint32_t number, const char *target, uint32_t stream, struct nk_error *e) {
    struct relay *relay = calloc(1, sizeof *relay);

    if (relay && (relay->target = strdup(target))) {
        relay->number = number;
        relay->source.fd = -1;
        relay->datagrams = stream ? nk_stream_new(stream, NK_FROM_PROCESS, NULL, e) : NULL;
        if (!stream || relay->datagrams)
            return relay;
        free(relay->target);
    } else {
        nk_fail_errno(e, "socket");
    }
    free(relay);
    return NULL;
}

int nk_relay_listen(uint32_t number, const char *target, uint32_t stream, struct nk_error *e) {
    struct relay *relay;

    if (*find(number))
        return nk_fail(e, NK_EXISTS, "there is a socket %u", number);
    if (relay_count >= NK_MAX_SOCKETS)
        return nk_fail(e, NK_LIMIT, "expected at most %d sockets", NK_MAX_SOCKETS);
    relay = new_relay(number, target, stream, e);
    if (!relay)
        return -1;
    if (open_relay(relay, stream, e) < 0) {
        nk_stream_free(relay->datagrams);
        free(relay->target);
        free(relay);
        return -1;
    }
    relay->next = relays;
    relays = relay;
    relay_count++;
    return 0;
}

int nk_relay_forget(uint32_t number, struct nk_error *e) {
    struct relay **at = find(number);

    if (!*at)
        return nk_fail(e, NK_NOT_FOUND, "there is no socket %u", number);
    remove_relay(at);
    return 0;
}

void nk_relay_forget_all(void) {
    while (relays)
        remove_relay(&relays);
}

void nk_relay_disconnected(void) {
    free_those(is_waiting, 0);
}

static int give_streams(struct connection *c, uint32_t in, uint32_t out, struct nk_error *e) {
    const int copy = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);

    if (copy < 0)
        return nk_fail_errno(e, "connection");
    c->in = nk_stream_new(in, NK_TO_PROCESS, NULL, e);
    c->out = c->in ? nk_stream_new(out, NK_FROM_PROCESS, NULL, e) : NULL;
    if (!c->out) {
        close(copy);
        return -1;
    }
    c->in->socket = c->out->socket = NK_CONNECTION;
    nk_stream_attach(c->in, copy, false);
    nk_stream_attach(c->out, c->fd, false);
    c->fd = -1;
    return 0;
}

static void drop(struct connection *c) {
    struct connection **at = &connections;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    free_connection(c);
}

int nk_relay_accept(uint32_t number, uint32_t connection, uint32_t in, uint32_t out, struct nk_error *e) {
    struct connection *c = connections;

    while (c && (c->number != connection || !is_waiting(c, number)))
        c = c->next;
    if (!c)
        return nk_fail(e, NK_NOT_FOUND, "there is no connection %u that waits", connection);
    if (in && give_streams(c, in, out, e) == 0)
        return 0;
    drop(c);
    return in ? -1 : 0;
}

int nk_relay_take(int taken, uint32_t in, uint32_t out, struct nk_error *e) {
    cleanup_close int fd = taken;
    struct connection *c;

    if (!has_room())
        return nk_fail(e, NK_LIMIT, "expected at most %d connections", NK_MAX_CONNECTIONS);
    if (!(c = new_connection(0, &fd)))
        return nk_fail_errno(e, "connection");
    if (give_streams(c, in, out, e) == 0)
        return 0;
    drop(c);
    return -1;
}
